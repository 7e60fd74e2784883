"""Bodies and values are each other's inverse, and so are errors and their answers."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate import errors
from headgate.api.failures import failure
from headgate.client import access_reading, node_reading, reading
from headgate.client.failures import error_of
from headgate.errors import HeadgateError, Location, ProjectError
from headgate.model.bound import NamedSql, Selectable, TableName
from headgate.model.plan import Change, ChangeKind, Plan, Subject
from headgate.model.project import (
    Column,
    Freshness,
    Job,
    Load,
    LoadStrategy,
    Materialization,
    Node,
    RefreshWorkload,
    SourceDetails,
    TestSpec,
)
from headgate.model.runs import Deployment, Event, Run, RunRequest, StepRow
from headgate.model.secret import Secret
from headgate.model.steps import Counts, StatementRecord, StepError
from headgate.service import access_bodies, bodies, node_bodies
from headgate.service.access import CreatedToken
from headgate.service.jobs import PlacedJob
from headgate.store.accounts import Account, NotifyAddress
from headgate.store.audit import AuditEntry
from headgate.store.secrets import SecretRow
from headgate.store.tags import Tag
from headgate.store.tokens import Token

TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=12)
NAME = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True)
NUMBER = st.integers(0, 10**15)
INSTANTS = st.datetimes(
    min_value=datetime(2000, 1, 1), max_value=datetime(2100, 1, 1), timezones=st.just(UTC)
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)
PARAMETERS = st.dictionaries(NAME, JSON, max_size=3)
NAMES = st.lists(NAME, max_size=3).map(tuple)


def optional(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


def errors_of_steps() -> st.SearchStrategy[StepError]:
    plain = st.builds(StepError, TEXT, TEXT, TEXT, st.just(()), st.just(()))
    row = st.tuples(st.integers(-9, 9), TEXT)
    sample = st.lists(row, min_size=1, max_size=3).map(tuple)
    return plain | st.builds(StepError, TEXT, TEXT, TEXT, sample, st.just(("id", "what")))


REQUESTS = st.builds(
    RunRequest,
    include=TEXT,
    exclude=TEXT,
    parallelism=st.integers(1, 1000),
    parameters=PARAMETERS,
    force=st.booleans(),
    strict=st.just(False),
    backfill_from=optional(INSTANTS),
    backfill_to=optional(INSTANTS),
    same_version=st.just(False),
    timeout_seconds=st.none(),
    based_on=st.none(),
)
RUNS = st.builds(
    Run,
    id=NUMBER,
    uid=st.just(""),
    environment_id=NUMBER,
    created_at=INSTANTS,
    request=REQUESTS,
    deployment_id=optional(NUMBER),
    job_id=optional(NUMBER),
    job_name=optional(TEXT),
    rerun_of=optional(NUMBER),
    config_key=st.none(),
    started_at=optional(INSTANTS),
    ended_at=optional(INSTANTS),
    fence=st.just(0),
    requested_by=TEXT,
    error=optional(errors_of_steps()),
    notes=st.lists(TEXT, max_size=2).map(tuple),
    priority=st.just(0),
    not_before=st.none(),
)
STEPS = st.builds(
    StepRow,
    run_id=st.just(7),
    step_id=TEXT,
    name=TEXT,
    kind=NAME,
    location=TEXT,
    node_type=TEXT,
    started_at=optional(INSTANTS),
    ended_at=optional(INSTANTS),
    rows_inserted=optional(NUMBER),
    rows_updated=optional(NUMBER),
    rows_deleted=optional(NUMBER),
    published=st.booleans(),
    attempts=st.integers(0, 9),
    error=optional(errors_of_steps()),
    notes=st.lists(TEXT, max_size=2).map(tuple),
)


@st.composite
def statements(draw: st.DrawFn) -> StatementRecord:
    """What counts towards a total has a count: without one, a body cannot tell which total it would be."""
    rows = draw(optional(NUMBER))
    counts = draw(optional(st.sampled_from(Counts))) if rows is not None else None
    record = draw(
        st.builds(
            StatementRecord,
            name=TEXT,
            sql=TEXT,
            started_at=INSTANTS,
            ended_at=INSTANTS,
            rows=st.none(),
            counts=st.none(),
            query_id=optional(TEXT),
            error=optional(errors_of_steps()),
            test=optional(TEXT),
        )
    )
    return replace(record, rows=rows, counts=counts)


def sent(body: Any) -> Any:
    """As it arrives."""
    return msgspec.json.decode(msgspec.json.encode(body))


@given(RUNS, TEXT, st.lists(NUMBER, max_size=3))
@settings(max_examples=60)
def test_run_is_read_as_it_was_told(run: Run, name: str, history: list[int]) -> None:
    assert reading.run(sent(bodies.run_body(run, name))) == run
    others = [replace(run, id=other) for other in history]
    info = reading.run_info(sent(bodies.run_detail(run, name, others, [])))
    assert (info.run, info.environment_name, info.history) == (run, name, tuple(history))


@given(
    st.lists(
        st.tuples(STEPS, st.lists(statements(), max_size=2)), max_size=2, unique_by=lambda p: p[0].step_id
    )
)
@settings(max_examples=60)
def test_results_are_read_as_they_were_told(given_: list[tuple[StepRow, list[StatementRecord]]]) -> None:
    records = {step.step_id: found for step, found in given_}
    read = reading.results(sent(bodies.results_body([step for step, _ in given_], records, "duckdb")), 7)
    assert [(result.step, [*result.statements]) for result in read] == given_


@given(
    st.builds(
        Event,
        NUMBER,
        INSTANTS,
        NAME,
        optional(NUMBER),
        optional(TEXT),
        optional(NUMBER),
        st.dictionaries(NAME, JSON),
    )
)
@settings(max_examples=30)
def test_event_is_read_as_it_was_told(event: Event) -> None:
    assert reading.event(sent(bodies.event_body(event))) == event


CHANGES = st.builds(
    Change,
    kind=st.sampled_from(ChangeKind),
    subject=st.sampled_from(Subject),
    id=TEXT,
    table=optional(st.builds(TableName, NAME, NAME, optional(NAME))),
    statements=st.lists(st.builds(NamedSql, TEXT, TEXT), max_size=2).map(tuple),
    reasons=st.lists(TEXT, max_size=2).map(tuple),
    destroys=TEXT,
    drift=st.booleans(),
)
PLANS = st.builds(
    Plan, TEXT, NUMBER, st.lists(CHANGES, max_size=2).map(tuple), NAMES, TEXT, TEXT, described=st.just(0)
)


@given(PLANS)
@settings(max_examples=40)
def test_plan_is_read_as_it_was_told(plan: Plan) -> None:
    assert reading.plan(sent(bodies.plan_body(plan))) == plan


@given(
    st.builds(
        Deployment,
        id=NUMBER,
        environment_id=st.just(3),
        number=NUMBER,
        manifest_digest=TEXT,
        created_at=INSTANTS,
        run_id=optional(NUMBER),
        version=TEXT,
        digests=st.just({}),
    )
)
@settings(max_examples=20)
def test_deployment_is_read_as_it_was_told(deployment: Deployment) -> None:
    assert reading.deployment(sent(bodies.deployment_body(deployment)), 3) == deployment


@given(st.builds(Tag, TEXT, TEXT, TEXT, INSTANTS))
@settings(max_examples=10)
def test_tag_is_read_as_it_was_told(tag: Tag) -> None:
    read = reading.tag(sent(bodies.tag_body(tag)))
    assert (read.project, read.name, read.manifest_digest, read.created_at) == (
        tag.project,
        tag.name,
        tag.manifest_digest,
        tag.created_at,
    )


LOADS = st.builds(
    Load,
    strategy=st.sampled_from(LoadStrategy),
    key=NAMES,
    time_column=optional(NAME),
    interval=optional(NAME),
    start=optional(NAME),
    lookback=st.integers(0, 5),
    max_intervals=optional(st.integers(1, 5)),
    updated_at=optional(NAME),
)
COLUMNS = st.builds(Column, NAME, NAME, st.none(), TEXT) | st.builds(Column, NAME, st.none(), NAME, TEXT)
NODES = st.builds(
    Node,
    id=TEXT,
    location=NAME,
    name=NAME,
    node_type=NAME,
    materialization=st.sampled_from(Materialization),
    path=TEXT,
    load=optional(LOADS),
    query=optional(TEXT),
    template=st.none(),
    line_offset=st.just(0),
    columns=st.lists(COLUMNS, max_size=2).map(tuple),
    open_shape=st.just(False),
    references=st.just(()),
    depends_on=NAMES,
    reads_parameters=NAMES,
    tags=NAMES,
    description=TEXT,
    tests=st.lists(st.builds(TestSpec, NAME, arguments=PARAMETERS), max_size=2).map(tuple),
    pre_sql=NAMES,
    post_sql=NAMES,
    renamed_from=optional(NAME),
    config=PARAMETERS,
    source=optional(
        st.builds(
            SourceDetails,
            optional(NAME),
            optional(NAME),
            optional(NAME),
            optional(st.builds(Freshness, NAME, optional(NUMBER), optional(NUMBER))),
        )
    ),
)


@given(NODES)
@settings(max_examples=60)
def test_node_is_read_as_it_was_told(node: Node) -> None:
    assert node_reading.node(sent(node_bodies.node_detail(node))) == node


@given(
    st.builds(Selectable, TEXT, NAME, NAME, NAME, TEXT, NAMES, NAMES, st.sampled_from(["new", "unchanged"]))
)
@settings(max_examples=20)
def test_listed_node_is_read_as_it_was_told(node: Selectable) -> None:
    assert node_reading.selectable(sent(node_bodies.node_body(node))) == node


@given(
    st.builds(
        Job,
        id=NUMBER,
        name=TEXT,
        refresh=st.builds(RefreshWorkload, TEXT, TEXT, optional(st.integers(1, 9))),
        path=TEXT,
        description=TEXT,
        parameters=PARAMETERS,
        environments=st.just({"dev": {"triggers": []}}),
        overlap=optional(st.just("skip")),
        timeout_seconds=optional(st.just(2.5)),
        tags=NAMES,
    ),
    st.booleans(),
)
@settings(max_examples=20)
def test_job_is_read_as_it_was_told(job: Job, flag: bool) -> None:
    read = node_reading.job_info(sent(node_bodies.placed_job_body(PlacedJob(job, flag, not flag))))
    assert (replace(read.job, retries=job.retries), read.active, read.editable) == (job, flag, not flag)


def test_access_is_read_as_it_was_told() -> None:
    at = datetime(2026, 5, 4, 3, 2, 1, 123456, tzinfo=UTC)
    token = Token(3, "airflow", "run:4", at, "ann", job_id=4, expires_at=at)
    made = access_reading.new_token(
        sent(access_bodies.created_token_body(CreatedToken(token, Secret("hg_x")), at))
    )
    assert (made.text.reveal(), made.token.id, made.token.job_id, made.token.status) == (
        "hg_x",
        3,
        4,
        "expired",
    )
    assert (made.token.created_at, made.token.expires_at, made.token.last_used_at) == (at, at, None)
    user = access_reading.user(
        sent(access_bodies.user_body(Account(1, "ann", at, None, (NotifyAddress("mailto", "…"),))))
    )
    assert (user.name, user.email, user.notify) == ("ann", None, ("mailto://***",))
    secret = access_reading.secret(sent(access_bodies.secret_body(SecretRow("PG", at, "ann"))))
    assert (secret.name, secret.updated_at) == ("PG", at)
    entry = access_reading.audit_entry(
        sent(access_bodies.audit_body(AuditEntry(9, at, "ann", "secret_set", "secret/PG", "r1", {"a": 1})))
    )
    assert (entry.id, entry.subject, entry.request_id, entry.data) == (9, "secret/PG", "r1", {"a": 1})


# --- errors ---------------------------------------------------------------------------------------------

RAISED = [
    errors.UsageError("selector_syntax", "it is wrong", hint="mend it"),
    errors.Unauthorized("token_unknown", "who?"),
    errors.Forbidden("scope_missing", "no"),
    errors.NotFound("run_not_found", "there is no run 9", hint="headgate runs"),
    errors.Refused("run_ended", "too late"),
    errors.LeaseLost("lease_lost", "gone"),
    errors.Busy("warehouse_locked", "held"),
    errors.StateError("state_corrupt", "broken"),
    errors.StateError("disk_full", "full"),
    errors.StatementFailed("statement_failed", "no such column"),
    errors.StatementCanceled("statement_canceled", "stopped"),
    errors.WarehouseUnavailable("warehouse_unavailable", "not there"),
    errors.WarehouseError("lease_broken", "odd"),
    errors.ServerUnavailable("server_unavailable", "stopping"),
]


@pytest.mark.parametrize("raised", RAISED, ids=lambda error: error.code)
def test_error_arrives_as_it_was_raised(raised: HeadgateError) -> None:
    response = failure(raised, "r1")
    read = error_of(response.status_code, json.loads(bytes(response.body)), url="http://h")
    assert type(read) is type(raised)
    assert (read.code, read.message, read.hint) == (raised.code, raised.message, raised.hint)


def test_errors_of_a_project_arrive_with_their_places() -> None:
    found = errors.Diagnostic("unknown_node", "no X", Location("nodes/A.sql", 3, 7), hint="Y?")
    response = failure(ProjectError([found]), "r1")
    read = error_of(422, json.loads(bytes(response.body)), url="http://h")
    assert isinstance(read, ProjectError)
    assert read.diagnostics == (found,)


@pytest.mark.parametrize("body", [None, "<html>", {"error": "no"}, [1]])
def test_answer_that_is_no_answer_of_headgate_is_an_error_of_its_own(body: Any) -> None:
    assert error_of(500, body, url="http://h").code == "answer_unreadable"
    assert type(error_of(502, body, url="http://h")) is errors.ServerUnavailable
