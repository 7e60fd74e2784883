-- The first schema: instants are UTC microseconds, JSON is text, flags are 0 or 1.

CREATE TABLE meta (
  key text PRIMARY KEY,
  value text NOT NULL
);

CREATE TABLE blob (
  id {identity},
  digest text NOT NULL UNIQUE,
  compressed integer NOT NULL,
  contents {bytes} NOT NULL,
  used_at bigint NOT NULL
);

CREATE TABLE tag (
  project text NOT NULL,
  name text NOT NULL,
  manifest_digest text NOT NULL,
  created_at bigint NOT NULL,
  PRIMARY KEY (project, name)
);

CREATE TABLE environment (
  id bigint PRIMARY KEY,
  project text NOT NULL,
  name text NOT NULL,
  definition text NOT NULL,
  current_deployment_id bigint,
  marked integer NOT NULL DEFAULT 0,
  updated_at bigint NOT NULL,
  UNIQUE (project, name)
);

CREATE TABLE run (
  id {identity},
  uid text NOT NULL UNIQUE,
  kind text NOT NULL,
  status text NOT NULL,
  environment_id bigint NOT NULL REFERENCES environment (id),
  deployment_id bigint,
  job_id bigint,
  job_name text,
  rerun_of bigint REFERENCES run (id) ON DELETE SET NULL,
  config_key text,
  request text NOT NULL,
  requested_by text NOT NULL,
  created_at bigint NOT NULL,
  started_at bigint,
  ended_at bigint,
  fence bigint NOT NULL DEFAULT 0,
  cancel_requested integer NOT NULL DEFAULT 0,
  error text,
  notes text
);

-- Serialization: whatever the code above it does, two runs of one configuration never run at once.
CREATE UNIQUE INDEX run_serialized ON run (config_key) WHERE status = 'running';

-- Who waits for whom, among the few open runs of a configuration.
CREATE INDEX run_open ON run (config_key, id) WHERE status IN ('running', 'waiting');

-- Lists of runs, newest first: each is a merge of ranges of one of these, whatever it filters by.
CREATE INDEX run_by_environment ON run (environment_id, id);
CREATE INDEX run_by_kind_status ON run (kind, status, id);
CREATE INDEX run_by_environment_kind_status ON run (environment_id, kind, status, id);
CREATE INDEX run_by_job ON run (job_id, kind, status, id) WHERE job_id IS NOT NULL;
CREATE INDEX run_by_environment_job ON run (environment_id, job_id, kind, status, id)
  WHERE job_id IS NOT NULL;
CREATE INDEX run_by_rerun ON run (rerun_of) WHERE rerun_of IS NOT NULL;

-- What a process carries out, apart from what people see: it exists only while the run is open.
CREATE TABLE work (
  run_id bigint PRIMARY KEY REFERENCES run (id) ON DELETE CASCADE,
  owner_host text,
  owner_pid bigint,
  owner_process_started double precision,
  owner_label text,
  lease_until bigint
);

CREATE TABLE deployment (
  id {identity},
  environment_id bigint NOT NULL REFERENCES environment (id),
  number bigint NOT NULL,
  status text NOT NULL,
  manifest_digest text NOT NULL,
  version text NOT NULL,
  run_id bigint REFERENCES run (id) ON DELETE SET NULL,
  unsettled integer NOT NULL DEFAULT 0,
  created_at bigint NOT NULL,
  ended_at bigint,
  UNIQUE (environment_id, number)
);

CREATE INDEX deployment_by_run ON deployment (run_id);

CREATE TABLE deployment_blob (
  deployment_id bigint NOT NULL REFERENCES deployment (id) ON DELETE CASCADE,
  name text NOT NULL,
  digest text NOT NULL,
  PRIMARY KEY (deployment_id, name)
) {clustered};

-- 10,000 nodes a deployment: blobs are named by number here, at a fifth of a digest's size.
CREATE TABLE deployment_node (
  deployment_id bigint NOT NULL REFERENCES deployment (id) ON DELETE CASCADE,
  node_id text NOT NULL,
  bound_blob_id bigint NOT NULL,
  step_blob_id bigint,
  PRIMARY KEY (deployment_id, node_id)
) {clustered};

CREATE TABLE step (
  run_id bigint NOT NULL REFERENCES run (id) ON DELETE CASCADE,
  step_id text NOT NULL,
  position bigint NOT NULL,
  name text NOT NULL,
  kind text NOT NULL,
  status text NOT NULL,
  location text NOT NULL,
  node_type text NOT NULL,
  started_at bigint,
  ended_at bigint,
  rows_inserted bigint,
  rows_updated bigint,
  rows_deleted bigint,
  published integer NOT NULL DEFAULT 0,
  attempts bigint NOT NULL DEFAULT 0,
  error text,
  notes text,
  PRIMARY KEY (run_id, step_id)
) {clustered};

-- The same text runs every night: it is kept once, and statements name it.
CREATE TABLE statement_text (
  digest text PRIMARY KEY,
  sql text NOT NULL
) {clustered};

CREATE TABLE step_statement (
  run_id bigint NOT NULL REFERENCES run (id) ON DELETE CASCADE,
  step_id text NOT NULL,
  position bigint NOT NULL,
  name text NOT NULL,
  role text NOT NULL,
  status text NOT NULL,
  text_digest text NOT NULL,
  started_at bigint NOT NULL,
  ended_at bigint NOT NULL,
  rows bigint,
  counts text,
  query_id text,
  test text,
  error text,
  PRIMARY KEY (run_id, step_id, position)
) {clustered};

-- A moving average, so that an estimate reads one row a step instead of the history.
CREATE TABLE usual_duration (
  environment_id bigint NOT NULL,
  step_id text NOT NULL,
  duration_us bigint NOT NULL,
  PRIMARY KEY (environment_id, step_id)
) {clustered};

CREATE TABLE environment_lock (
  environment_id bigint NOT NULL REFERENCES environment (id),
  run_id bigint NOT NULL REFERENCES run (id) ON DELETE CASCADE,
  mode text NOT NULL,
  granted integer NOT NULL,
  PRIMARY KEY (environment_id, run_id)
) {clustered};

CREATE INDEX environment_lock_by_run ON environment_lock (run_id);

CREATE TABLE table_lock (
  table_key text PRIMARY KEY,
  run_id bigint NOT NULL REFERENCES run (id) ON DELETE CASCADE,
  fence bigint NOT NULL,
  step_id text NOT NULL
) {clustered};

CREATE INDEX table_lock_by_run ON table_lock (run_id);

CREATE TABLE event (
  id {identity},
  at bigint NOT NULL,
  kind text NOT NULL,
  run_id bigint,
  step_id text,
  environment_id bigint,
  data text NOT NULL
);

CREATE INDEX event_by_run ON event (run_id, id) WHERE run_id IS NOT NULL
