"""Where a process is killed or told to stop: every instant between two durable changes of a run's life, by name.

A call is named `module:Class.method`; `session:` stands for the sessions of every warehouse. A commit is the first one
of the same thread from the call's begin on. No code of Headgate knows of these.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class When(StrEnum):
    BEFORE = "before"
    AFTER = "after"
    BEFORE_COMMIT = "before the commit of"
    AFTER_COMMIT = "after the commit of"


class Scenario(StrEnum):
    """What the process is at when it ends."""

    REFRESH = "refresh"
    """A worker with two runs in its queue."""

    DEPLOY = "deploy"
    """A worker with a deploy in its queue, and a refresh behind it."""

    COMMAND = "command"
    """`headgate deploy`, which carries its own run out."""

    TAKEOVER = "takeover"
    """A worker that finds a run of another machine, whose lease is over and whose steps were done in part."""

    RERUN = "rerun"
    """A worker with the rerun of a run that died when it had published more than it wrote down."""

    SETTLE = "settle"
    """A worker with a refresh, after a command was killed that had just deployed."""

    STOPPING = "stopping"
    """A worker that was told to stop in the middle of a run and hands it back."""


@dataclass(frozen=True, slots=True)
class Point:
    """The `turn`-th time that a process comes by. `held` is a call that waits until then, so that it comes at all."""

    scenario: Scenario
    when: When
    call: str
    turn: int = 1
    held: str = ""

    @property
    def name(self) -> str:
        turn = f" {self.turn}" if self.turn > 1 else ""
        return f"{self.scenario}: {self.when} {self.call.rpartition(':')[2]}{turn}"


TAKE = "headgate.store.queue:Queue._take"
CLAIM = "headgate.store.queue:Queue.claim"
HEARTBEAT = "headgate.store.queue:Queue.heartbeat"
HAND_BACK = "headgate.store.queue:Queue.hand_back"
PIN = "headgate.store.runs:Runs.pin"
FINISH = "headgate.store.runs:Runs.finish"
PLAN = "headgate.store.steps:Steps.plan"
JOURNAL = "headgate.store.journal:Journal._write"
CREATE_DEPLOY = "headgate.store.runs:Runs.create_deploy"
FINISH_DEPLOYMENT = "headgate.store.deployments:Deployments.finish"
STATEMENTS = "headgate.engine.step:Attempt.statements"
BEGIN = "session:begin"
COMMIT = "session:commit"
MARKER = "session:write_marker"
INTERVALS = "session:record_intervals"
COMMITTED = "session:committed"
FACTS = "warehouse:facts"
FORGET = "warehouse:forget_markers"
SIGTERM_AT = BEGIN
"""Where a worker of the scenario `stopping` is told to stop: inside the transaction of its second step."""


def _around(scenario: Scenario, call: str, turn: int = 1) -> tuple[Point, Point]:
    return Point(scenario, When.BEFORE, call, turn), Point(scenario, When.AFTER, call, turn)


def _around_commit(scenario: Scenario, call: str, turn: int = 1, held: str = "") -> tuple[Point, Point]:
    return (
        Point(scenario, When.BEFORE_COMMIT, call, turn, held),
        Point(scenario, When.AFTER_COMMIT, call, turn, held),
    )


POINTS = (
    *_around_commit(Scenario.REFRESH, TAKE),
    *_around_commit(Scenario.REFRESH, PLAN),
    *_around_commit(Scenario.REFRESH, JOURNAL),
    *_around_commit(Scenario.REFRESH, JOURNAL, 2),
    *_around_commit(Scenario.REFRESH, HEARTBEAT, held=COMMIT),
    Point(Scenario.REFRESH, When.AFTER, BEGIN, 2),
    Point(Scenario.REFRESH, When.AFTER, STATEMENTS, 2),
    Point(Scenario.REFRESH, When.AFTER, INTERVALS),
    *_around(Scenario.REFRESH, MARKER, 2),
    *_around(Scenario.REFRESH, COMMIT),
    *_around(Scenario.REFRESH, COMMIT, 4),
    *_around_commit(Scenario.REFRESH, FINISH),
    *_around_commit(Scenario.REFRESH, TAKE, 2),
    *_around_commit(Scenario.DEPLOY, PLAN),
    Point(Scenario.DEPLOY, When.AFTER, BEGIN),
    Point(Scenario.DEPLOY, When.AFTER, STATEMENTS),
    Point(Scenario.DEPLOY, When.AFTER, MARKER),
    *_around(Scenario.DEPLOY, COMMIT),
    *_around_commit(Scenario.DEPLOY, JOURNAL),
    *_around(Scenario.DEPLOY, FACTS),
    *_around_commit(Scenario.DEPLOY, FINISH_DEPLOYMENT),
    Point(Scenario.DEPLOY, When.BEFORE, FORGET),
    *_around_commit(Scenario.DEPLOY, FINISH),
    *_around_commit(Scenario.COMMAND, CREATE_DEPLOY),
    *_around_commit(Scenario.COMMAND, CLAIM),
    *_around_commit(Scenario.COMMAND, PLAN),
    *_around(Scenario.COMMAND, COMMIT),
    *_around_commit(Scenario.COMMAND, FINISH_DEPLOYMENT),
    *_around_commit(Scenario.COMMAND, FINISH),
    *_around_commit(Scenario.TAKEOVER, HAND_BACK),
    *_around_commit(Scenario.TAKEOVER, TAKE),
    *_around_commit(Scenario.TAKEOVER, JOURNAL),
    Point(Scenario.TAKEOVER, When.AFTER, COMMITTED),
    *_around(Scenario.TAKEOVER, COMMIT),
    Point(Scenario.RERUN, When.AFTER, COMMIT),
    *_around_commit(Scenario.RERUN, PLAN),
    Point(Scenario.SETTLE, When.AFTER, COMMITTED),
    *_around_commit(Scenario.SETTLE, FINISH_DEPLOYMENT),
    *_around_commit(Scenario.SETTLE, PIN),
    *_around_commit(Scenario.STOPPING, HAND_BACK),
)
