"""Texts around a load, as text alone: split into statements, kept from ending the transaction, placed in their file."""

from __future__ import annotations

import pytest

from headgate.bind.statements import refuse_transaction_control, single, split
from headgate.bind.text import describe_text, resolve_stand_ins, transpile, with_stand_ins
from headgate.bind.writes import WriteGuard
from headgate.errors import HeadgateError
from headgate.model.bound import BoundColumn
from headgate.model.project import TableReference


@pytest.mark.parametrize(
    ("text", "statements"),
    [
        ("", []),
        (" ;; -- nothing\n;", []),
        ("select 1", ["select 1"]),
        ("select ';' as a; -- b;\nselect 2 -- c", ["select ';' as a", "select 2"]),
        ("/* a; */ select 1 /* b */ + 1;", ["select 1 /* b */ + 1"]),
        ('select "a;b"', ['select "a;b"']),
        ("select 'not closed", ["select 'not closed"]),
    ],
)
def test_a_text_is_split_at_its_semicolons_alone(text: str, statements: list[str]) -> None:
    assert split(text, "duckdb") == statements


def test_a_block_between_dollars_is_one_statement() -> None:
    block = "do $$ begin perform 1; commit; end $$"
    assert split(f"{block}; select 1", "postgres") == [block, "select 1"]


@pytest.mark.parametrize("text", ["", "select 1; select 2"])
def test_what_stands_in_parentheses_is_one_statement(text: str) -> None:
    with pytest.raises(HeadgateError) as error:
        single(text, "duckdb", "A: the test t")
    assert error.value.code == "not_one_statement"


@pytest.mark.parametrize(
    "statement", ["COMMIT", "commit work", "Begin", "start\ttransaction", "prepare transaction 'x'"]
)
def test_transaction_control_is_refused(statement: str) -> None:
    with pytest.raises(HeadgateError) as error:
        refuse_transaction_control(statement, "A, pre_sql")
    assert error.value.code == "transaction_control"


@pytest.mark.parametrize(
    "statement", ["select 1", "set x = 1", "prepare p as select 1", "insert into begin values (1)", "("]
)
def test_other_statements_pass(statement: str) -> None:
    refuse_transaction_control(statement, "A, pre_sql")


def test_a_temporary_table_is_written_only_after_it_was_made() -> None:
    guard = WriteGuard("hg_this_", "own", "postgres")
    with pytest.raises(HeadgateError):
        guard.check("insert into picked select 1")
    guard.check("create temporary table picked as select 1 as a")
    guard.check("insert into picked select 1")
    guard.check("drop table picked")
    with pytest.raises(HeadgateError):
        guard.check("insert into other.picked select 1")


def test_stand_ins_keep_comments_strings_and_aliases() -> None:
    text = "select 'STG.A' /* STG.A */ from STG.A join STG.A as o on STG.A.x = o.x"
    spans = [text.index("STG.A join"), text.index("STG.A as"), text.index("STG.A.x")]
    references = (
        TableReference("STG.A", spans[0], spans[0] + 5, "A", alias_needed=True),
        TableReference("STG.A", spans[1], spans[1] + 5, "o"),
        TableReference("STG.A", spans[2], spans[2] + 5, "A", qualifier=True),
    )
    bound = resolve_stand_ins(with_stand_ins(text, references), references, lambda _: 'dw."order"')
    assert bound == ('select \'STG.A\' /* STG.A */ from dw."order" AS A join dw."order" as o on A.x = o.x')


def test_what_cannot_be_said_in_the_other_dialect_is_an_error_of_ours() -> None:
    with pytest.raises(HeadgateError) as error:
        transpile("select 1 +", "duckdb", "postgres")
    assert error.value.code == "not_transpilable"


def test_a_cast_that_may_fail_is_not_translated_into_one_that_must() -> None:
    with pytest.raises(HeadgateError) as error:
        transpile("select try_cast(a as integer) from t", "duckdb", "postgres")
    assert "TRY_CAST" in error.value.message


def test_any_value_is_translated() -> None:
    assert transpile("select any_value(a) from t", "duckdb", "postgres").split() == [
        "SELECT",
        "ANY_VALUE(a)",
        "FROM",
        "t",
    ]


def test_a_query_is_described_over_empty_parents() -> None:
    columns = (BoundColumn("id", "bigint"), BoundColumn("order", "text"))
    assert describe_text("select * from p", [("p", columns)], "postgres") == (
        'WITH p AS (SELECT CAST(NULL AS bigint) AS id, CAST(NULL AS text) AS "order" WHERE FALSE)\n'
        "SELECT * FROM (\nselect * from p\n) AS hg_described"
    )
