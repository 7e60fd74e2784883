"""Scopes as text, and what each gives."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.errors import Forbidden, UsageError
from headgate.identity.principal import (
    Administer,
    Deploy,
    Permission,
    Principal,
    Read,
    ReadLog,
    RunJob,
    Watch,
    WriteLog,
    local,
    to_steer,
    to_watch,
)
from headgate.identity.scopes import NAMED, Kind, Scope, combine, parse
from headgate.model.runs import Run, RunKind, RunRequest, RunStatus


def who(scopes: str) -> Principal:
    return Principal("etl", parse(scopes), token_id=1)


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("admin", "admin"),
        ("read  deploy", "deploy read"),
        ("run", "run"),
        ("run:nightly,12,4", "run:4,12,nightly"),
        ("run:4 run:7", "run:4,7"),
        ("run run:4", "run"),
        ("joblog", "joblog"),
        ("joblog:orders", "joblog:orders"),
        ("joblog:read", "joblog:read"),
        ("joblog:read:orders,items", "joblog:read:items,orders"),
        ('joblog:"read"', 'joblog:"read"'),
        ("joblog:reader", "joblog:reader"),
        ('run:"day & night","say ""hi"""', 'run:"day & night","say ""hi"""'),
        ("\trun:a/b.c-d@e#f_g\n", "run:a/b.c-d@e#f_g"),
    ],
)
def test_scopes_are_read_and_printed_in_one_spelling(text: str, printed: str) -> None:
    assert str(parse(text)) == printed
    assert parse(printed) == parse(text)


names = st.frozensets(st.text(min_size=1, max_size=12), min_size=1, max_size=4)
scopes = st.one_of(
    st.builds(Scope, st.sampled_from(Kind)), st.builds(Scope, st.sampled_from(sorted(NAMED)), names)
)


@given(st.lists(scopes, min_size=1, max_size=6))
def test_whatever_is_printed_reads_back_as_the_same(several: list[Scope]) -> None:
    combined = combine(several)
    assert parse(str(combined)) == combined


@pytest.mark.parametrize(
    ("text", "code", "message", "caret"),
    [
        ("", "scope_syntax", "scope, column 1: a token needs a scope", None),
        ("   ", "scope_syntax", "scope, column 1: a token needs a scope", 0),
        ("read rum", "scope_unknown", "scope, column 6: there is no scope rum", 5),
        ("run:", "scope_syntax", "scope, column 5: a name is missing", 4),
        ("run:4,", "scope_syntax", "scope, column 7: a name is missing", 6),
        ("run:4,,7", "scope_syntax", "scope, column 7: a name is missing", 6),
        ("run: 4", "scope_syntax", "scope, column 5: a name is missing", 4),
        ("deploy:prod", "scope_syntax", "scope, column 7: deploy is for everything", 6),
        ("admin,read", "scope_syntax", "scope, column 6: , cannot stand here", 5),
        ('run:"a', "scope_syntax", "scope, column 5: the quote is never closed", 4),
        ("joblog:read,orders", "scope_syntax", "scope, column 12: , cannot stand here", 11),
        ("run:*", "scope_syntax", "scope, column 5: a name is missing", 4),
    ],
)
def test_error_names_the_column_and_shows_the_place(
    text: str, code: str, message: str, caret: int | None
) -> None:
    with pytest.raises(UsageError) as caught:
        parse(text)
    assert (caught.value.code, caught.value.message) == (code, message)
    if caret is not None:
        assert caught.value.hint.splitlines()[-1] == "  " + " " * caret + "^"


def test_unknown_scope_offers_the_nearest() -> None:
    with pytest.raises(UsageError) as caught:
        parse("rea")
    assert caught.value.hint.startswith("did you mean read")


EVERYTHING: list[Permission] = [
    Administer(),
    Deploy(),
    Read(),
    RunJob(),
    RunJob(4, "nightly"),
    RunJob(7, "hourly"),
    Watch(),
    Watch(4, "nightly"),
    Watch(7, "hourly"),
    WriteLog("orders"),
    WriteLog("items"),
    ReadLog(),
    ReadLog("orders"),
    ReadLog("items"),
]
GIVES: dict[str, list[Permission]] = {
    "admin": EVERYTHING,
    "deploy": EVERYTHING[1:9],
    "run": EVERYTHING[2:9],
    "run:4": [RunJob(4, "nightly"), Watch(4, "nightly")],
    "run:nightly": [RunJob(4, "nightly"), Watch(4, "nightly")],
    "read": [Read(), Watch(), Watch(4, "nightly"), Watch(7, "hourly")],
    "joblog": EVERYTHING[9:],
    "joblog:orders": [WriteLog("orders"), ReadLog("orders")],
    "joblog:read": EVERYTHING[11:],
    "joblog:read:orders": [ReadLog("orders")],
}


@pytest.mark.parametrize("scopes", GIVES)
def test_a_scope_gives_exactly_what_the_guide_says(scopes: str) -> None:
    assert [one for one in EVERYTHING if who(scopes).may(one)] == GIVES[scopes]


def test_several_scopes_give_what_each_gives() -> None:
    both = who("run:4 joblog:read:orders")
    assert both.may(RunJob(4))
    assert both.may(ReadLog("orders"))
    assert not both.may(RunJob(7))


def test_job_whose_name_is_a_number_is_not_taken_for_the_job_of_that_id() -> None:
    assert not who("run:4").may(RunJob(9, "4"))
    assert not who("run:4").may(RunJob())


def test_what_is_missing_is_named_and_nothing_else_is_told() -> None:
    with pytest.raises(Forbidden) as caught:
        who("read").require(RunJob(4, "nightly"))
    assert caught.value.message == (
        "etl may not start or stop runs of job 4 nightly: the token lacks the scope run:4"
    )
    assert "its scopes are: read" in caught.value.hint
    with pytest.raises(Forbidden, match="etl may not administer: the token lacks the scope admin"):
        who("deploy").require(Administer())
    for permission in EVERYTHING:
        local("ann").require(permission)


@pytest.mark.parametrize("permission", EVERYTHING, ids=str)
def test_the_scope_that_a_refusal_names_is_enough(permission: Permission) -> None:
    nobody = Principal("etl", combine([]))
    with pytest.raises(Forbidden) as caught:
        nobody.require(permission)
    needed = caught.value.message.rpartition("the scope ")[2]
    assert who(needed).may(permission)


EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


def run(kind: RunKind = RunKind.REFRESH, job_id: int | None = None, include: str = "") -> Run:
    return Run(1, "u", kind, RunStatus.RUNNING, 1, EPOCH, RunRequest(include), job_id=job_id, job_name="n")


def test_steering_a_deploy_needs_deploy_and_other_selectors_than_the_jobs_need_run() -> None:
    assert to_steer(run(RunKind.DEPLOY)) == Deploy()
    assert to_steer(run(job_id=4)) == RunJob(4, "n")
    assert to_steer(run(job_id=4, include="{ A }")) == RunJob()
    assert to_watch(run(job_id=4, include="{ A }")) == Watch(4, "n")


def test_lists_are_narrowed_to_what_a_token_may_see() -> None:
    assert who("read").watched_jobs is None
    assert who("run:4,nightly joblog").watched_jobs == frozenset({"4", "nightly"})
    assert who("joblog").watched_jobs == frozenset()
    assert who("joblog:read").readable_logs is None
    assert who("joblog:orders joblog:read:items").readable_logs == frozenset({"orders", "items"})
    assert who("read").readable_logs == frozenset()
