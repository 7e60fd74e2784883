"""What Prometheus reads. Counts and times are those that this process saw since it began, of all runs of the state,
whoever carries them out: over several servers take the maximum, not the sum."""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime

from fastapi import APIRouter, Request
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from starlette.responses import Response
from starlette.types import Scope

from headgate.api.answers import documented
from headgate.api.caller import Asking
from headgate.errors import NotFound
from headgate.identity.principal import Read
from headgate.joblog.watch import State
from headgate.model.runs import Event, RunKind, RunStatus
from headgate.model.steps import StepStatus
from headgate.store.store import Store

_REQUEST_BUCKETS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)
_RUN_BUCKETS = (0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600, 14400)
_STEP_BUCKETS = (0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60, 300, 1800)
MOST_OPEN_STEPS = 100_000


class Metrics:
    """`saw_request` comes from the event loop, `saw_event` from the thread that reads the log."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.registry = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self.registry)
        self._requests = Histogram(
            "headgate_request_seconds",
            "Requests answered, by route.",
            ("method", "route", "status"),
            registry=self.registry,
            buckets=_REQUEST_BUCKETS,
        )
        self._open = Gauge(
            "headgate_runs_open",
            "Runs that wait (the queue) or run.",
            ("kind", "status"),
            registry=self.registry,
        )
        self._age = Gauge(
            "headgate_runs_open_oldest_seconds",
            "Since when the oldest of them does.",
            ("kind", "status"),
            registry=self.registry,
        )
        self._runs = Histogram(
            "headgate_run_seconds",
            "Runs that ended, from their start.",
            ("kind", "status"),
            registry=self.registry,
            buckets=_RUN_BUCKETS,
        )
        self._waits = Histogram(
            "headgate_run_wait_seconds",
            "How long runs that ended had waited for their start.",
            ("kind",),
            registry=self.registry,
            buckets=_RUN_BUCKETS,
        )
        self._steps = Histogram(
            "headgate_step_seconds",
            "Steps that ended.",
            ("status",),
            registry=self.registry,
            buckets=_STEP_BUCKETS,
        )
        self._rows = Counter(
            "headgate_rows", "Rows of published tables.", ("change",), registry=self.registry
        )
        self._jobs = Gauge(
            "headgate_job_log_jobs",
            "Jobs of the job log that are watched, by how they stand.",
            ("state",),
            registry=self.registry,
        )
        self._unusual = Gauge(
            "headgate_job_log_unusual",
            "Those whose newest count of records is unusual.",
            registry=self.registry,
        )
        self._streams = Gauge("headgate_event_streams", "Streams of events.", registry=self.registry)
        self._started: OrderedDict[tuple[int, str], datetime] = OrderedDict()

    def saw_request(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", None)
        self._requests.labels(scope["method"], route or "none", str(status)).observe(seconds)

    def saw_event(self, event: Event) -> None:
        match event.kind:
            case "run_status" if event.run_id is not None:
                if RunStatus(event.data["status"]).final:
                    self._ended(event.run_id)
            case "step_status" if event.run_id is not None and event.step_id is not None:
                self._step_moved((event.run_id, event.step_id), StepStatus(event.data["status"]), event.at)
            case "table_published":
                for change in ("inserted", "updated", "deleted"):
                    self._rows.labels(change).inc(event.data.get(f"rows_{change}") or 0)

    def _ended(self, run_id: int) -> None:
        try:
            run = self._store.runs.get(run_id)
        except NotFound:  # pruned
            return
        if run.ended_at is None:
            return
        began = run.started_at or run.ended_at
        self._runs.labels(run.kind, run.status).observe((run.ended_at - began).total_seconds())
        self._waits.labels(run.kind).observe((began - run.created_at).total_seconds())

    def _step_moved(self, step: tuple[int, str], status: StepStatus, at: datetime) -> None:
        if status is StepStatus.RUNNING:
            self._started[step] = at
            if len(self._started) > MOST_OPEN_STEPS:  # of runs that ended without telling of each step
                self._started.popitem(last=False)
            return
        began = self._started.pop(step, None)
        if began is not None and status.final:
            self._steps.labels(status).observe((at - began).total_seconds())

    def text(self, stream_count: int) -> bytes:
        now = self._store.now()
        open_runs = {
            (kind, status): (count, at) for kind, status, count, at in self._store.runs.open_counts()
        }
        for kind in RunKind:
            for status in (RunStatus.WAITING, RunStatus.RUNNING):
                count, oldest = open_runs.get((kind, status), (0, now))
                self._open.labels(kind, status).set(count)
                self._age.labels(kind, status).set((now - oldest).total_seconds())
        jobs, unusual = self._store.job_watches.counts()
        for state in State:
            self._jobs.labels(state).set(jobs.get(state, 0))
        self._unusual.set(unusual)
        self._streams.set(stream_count)
        return generate_latest(self.registry)


router = APIRouter(tags=["health"])


@router.get(
    "/metrics",
    response_class=Response,
    responses={
        **documented(None),
        200: {
            "description": "Prometheus' text format.",
            "content": {"text/plain": {"schema": {"type": "string"}}},
        },
    },
)
def show_metrics(caller: Asking, request: Request) -> Response:
    caller.require(Read())
    state = request.app.state
    return Response(state.metrics.text(state.news.subscriber_count), media_type=CONTENT_TYPE_LATEST)
