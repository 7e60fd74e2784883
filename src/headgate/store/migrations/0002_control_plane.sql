-- What many people, machines and scripts need: a queue that any worker claims from, users and their tokens,
-- secrets, an audit trail, jobs that live here, and answers to requests that were sent twice.

ALTER TABLE run ADD COLUMN priority bigint NOT NULL DEFAULT 0;
ALTER TABLE run ADD COLUMN not_before bigint;
ALTER TABLE run ADD COLUMN requested_by_user bigint;

-- Whether a run belongs to the process that started it, and fails when that dies; others are taken over.
ALTER TABLE work ADD COLUMN attached integer NOT NULL DEFAULT 0;

-- The queue, in the order of claims.
CREATE INDEX run_waiting ON run (priority DESC, id) WHERE status = 'waiting';

-- Who has an environment: what started and is not over, also where it was handed back; and which deploys wait.
CREATE INDEX run_started ON run (environment_id, kind) WHERE status IN ('running', 'waiting') AND started_at IS NOT NULL;
CREATE INDEX run_waiting_deploy ON run (environment_id) WHERE status = 'waiting' AND kind = 'deploy';

-- Lists of runs by when they started or ended, merged of ranges like those by id. A run is in none before it starts.
CREATE INDEX run_by_start ON run (started_at, id) WHERE started_at IS NOT NULL;
CREATE INDEX run_by_start_status ON run (kind, status, started_at, id) WHERE started_at IS NOT NULL;
CREATE INDEX run_by_start_environment ON run (environment_id, kind, status, started_at, id)
  WHERE started_at IS NOT NULL;
CREATE INDEX run_by_start_job ON run (job_id, kind, status, started_at, id)
  WHERE started_at IS NOT NULL AND job_id IS NOT NULL;
CREATE INDEX run_by_start_environment_job ON run (environment_id, job_id, kind, status, started_at, id)
  WHERE started_at IS NOT NULL AND job_id IS NOT NULL;
CREATE INDEX run_by_end ON run (ended_at, id) WHERE ended_at IS NOT NULL;
CREATE INDEX run_by_end_status ON run (kind, status, ended_at, id) WHERE ended_at IS NOT NULL;
CREATE INDEX run_by_end_environment ON run (environment_id, kind, status, ended_at, id) WHERE ended_at IS NOT NULL;
CREATE INDEX run_by_end_job ON run (job_id, kind, status, ended_at, id)
  WHERE ended_at IS NOT NULL AND job_id IS NOT NULL;
CREATE INDEX run_by_end_environment_job ON run (environment_id, job_id, kind, status, ended_at, id)
  WHERE ended_at IS NOT NULL AND job_id IS NOT NULL;

-- Leases that ran out.
CREATE INDEX work_by_lease ON work (lease_until) WHERE lease_until IS NOT NULL;

-- The machine that alone reaches an embedded warehouse, and the folder its relative paths start from.
ALTER TABLE environment ADD COLUMN host text;
ALTER TABLE environment ADD COLUMN root text;
ALTER TABLE environment ADD COLUMN max_running bigint;
ALTER TABLE environment ADD COLUMN created_at bigint;
ALTER TABLE environment ADD COLUMN created_by text;

-- The rows of runs are the locks of environments. Tables are locked where they stand: by the warehouse itself,
-- or in the one process that has its file.
DROP TABLE environment_lock;
DROP TABLE table_lock;

CREATE TABLE account (
  id {identity},
  name text NOT NULL UNIQUE,
  email text,
  notify text,
  created_at bigint NOT NULL
);

CREATE TABLE token (
  id {identity},
  digest text NOT NULL UNIQUE,
  name text NOT NULL,
  account_id bigint REFERENCES account (id),
  job_id bigint,
  scopes text NOT NULL,
  created_at bigint NOT NULL,
  created_by text NOT NULL,
  expires_at bigint,
  revoked_at bigint,
  last_used_at bigint
);

CREATE INDEX token_by_account ON token (account_id);

CREATE TABLE secret (
  name text PRIMARY KEY,
  sealed {bytes} NOT NULL,
  updated_at bigint NOT NULL,
  updated_by text NOT NULL
);

CREATE TABLE audit (
  id {identity},
  at bigint NOT NULL,
  actor text NOT NULL,
  action text NOT NULL,
  subject text NOT NULL,
  request_id text NOT NULL DEFAULT '',
  data text NOT NULL DEFAULT '{}'
);

CREATE INDEX audit_by_subject ON audit (subject, id);
CREATE INDEX audit_by_actor ON audit (actor, id);

-- Jobs made by the API or in the app; those of files are part of what is deployed.
CREATE TABLE job (
  environment_id bigint NOT NULL REFERENCES environment (id),
  id bigint NOT NULL,
  name text NOT NULL,
  definition text NOT NULL,
  active integer NOT NULL DEFAULT 1,
  created_at bigint NOT NULL,
  updated_at bigint NOT NULL,
  updated_by text NOT NULL,
  PRIMARY KEY (environment_id, id),
  UNIQUE (environment_id, name)
) {clustered};

-- The one thing about a job of a file that is changed here.
CREATE TABLE inactive_job (
  environment_id bigint NOT NULL REFERENCES environment (id),
  job_id bigint NOT NULL,
  updated_at bigint NOT NULL,
  updated_by text NOT NULL,
  PRIMARY KEY (environment_id, job_id)
) {clustered};

-- The answer to a start that was sent with a key, for when it is sent again.
CREATE TABLE idempotency (
  caller text NOT NULL,
  key text NOT NULL,
  request_digest text NOT NULL,
  run_id bigint NOT NULL REFERENCES run (id) ON DELETE CASCADE,
  created_at bigint NOT NULL,
  PRIMARY KEY (caller, key)
) {clustered};

CREATE INDEX idempotency_by_age ON idempotency (created_at);
CREATE INDEX idempotency_by_run ON idempotency (run_id);

-- When a text was last used, about: what was not for long, and is named by no run, is dropped.
ALTER TABLE statement_text ADD COLUMN used_at bigint NOT NULL DEFAULT 0;
UPDATE statement_text SET used_at = (SELECT coalesce(max(created_at), 0) FROM run);
CREATE INDEX statement_text_by_use ON statement_text (used_at)
