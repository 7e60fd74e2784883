"""The job log's records: read, written and counted as a tree of `joblog` asks. Every name that a caller may not see is
kept from it here, by a condition beside its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

from headgate.errors import Refused, StateError
from headgate.joblog import refusal
from headgate.joblog.paging import WHOLE, Slice
from headgate.joblog.refusal import Refusal
from headgate.joblog.request import Record
from headgate.joblog.runs import IN_PROGRESS, Overlap
from headgate.joblog.table import FINAL, JOBS, NAMES
from headgate.joblog.tree import Condition, Field, OneOf, Order
from headgate.store.connection import Conflict, Connection, Database, Row, again
from headgate.store.job_log_marks import Names, tell, touch
from headgate.store.job_log_overlap import admit, take_over
from headgate.store.job_log_sql import SPELLINGS, TABLE, Text, columns_of, source
from headgate.store.statements import load

SQL = load("job_log")
EVERY_COLUMN = SQL["columns"]
READ_SECONDS = 10.0
"""How long one question may take."""

AT_ONCE = 200
"""Rows of one INSERT."""

STALE_SECONDS = 7 * 86_400
"""A run that began longer ago has an end that nobody saw: none is made up for it."""

EVERY_FIELD = tuple(Field(name, name) for name in NAMES)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which records, and what of them."""

    table: str
    conditions: tuple[Condition, ...] = ()
    fields: tuple[Field, ...] = EVERY_FIELD
    orders: tuple[Order, ...] = ()
    slice: Slice = WHOLE
    names: Names = None

    @property
    def aggregated(self) -> bool:
        return any(one.aggregate for one in self.fields)


@dataclass(frozen=True, slots=True)
class Written:
    """`rows` are whole records; `created` says how many of them were not there before."""

    rows: list[Row]
    created: int


class Abandoned(Exception):
    """A transaction that was to be undone is."""


class JobLog:
    def __init__(self, database: Database, now_micros: Callable[[], int]) -> None:
        self._database = database
        self._now = now_micros

    # --- reading ------------------------------------------------------------------------------------------

    @contextmanager
    def reading(self, wanted: Wanted, *, counted: bool) -> Iterator[tuple[Iterator[Row], int | None]]:
        """The rows as they come, in the order of `wanted.fields`, and with `counted` how many there are in all.
        Raises Refusal 57014 for what takes too long."""
        with self._database.read() as connection, _in_time(), connection.snapshot(READ_SECONDS):
            total = self._count(connection, wanted) if counted else None
            with closing(self._rows(connection, wanted)) as rows:  # here, while the connection is ours
                yield rows, total

    def _rows(self, connection: Connection, wanted: Wanted) -> Generator[Row]:
        text = self._text()
        where = text.where(_narrowed(wanted.conditions, wanted.names))
        if wanted.aggregated:
            selected, rest = text.aggregated(wanted.fields, wanted.orders)
        else:
            selected, rest = columns_of(wanted.fields), text.order(wanted.orders)
        limit = text.limit(wanted.slice.limit, wanted.slice.offset)
        sql = f"SELECT {selected} FROM {source(wanted.table)}{where}{rest}{limit}"
        with closing(connection.each(sql, text.parameters)) as rows:
            for row in rows:
                yield row if wanted.fields else ()

    def _count(self, connection: Connection, wanted: Wanted) -> int:
        text = self._text()
        inner = f"FROM {source(wanted.table)}{text.where(_narrowed(wanted.conditions, wanted.names))}"
        if wanted.aggregated:
            selected, rest = text.aggregated(wanted.fields, ())
            inner = f"FROM (SELECT {selected} {inner}{rest}) AS grouped"
        count: int = connection.rows(f"SELECT count(*) {inner}", text.parameters)[0][0]
        return count

    # --- writing ------------------------------------------------------------------------------------------
    # What `check` does may be done again, where two who write the same records wait for each other.

    @again
    def insert(
        self,
        records: Sequence[Record],
        keys: Sequence[str],
        *,
        names: Names,
        merge: bool | None,
        check: Callable[[Written], None],
    ) -> Written:
        """Writes records. `merge` says what becomes of one whose id is there: True gives it the values of `keys`,
        False leaves it, None refuses all. `check` may still refuse, and undo, all of it.

        Raises Refusal 23505, 21000 or 42501.
        """
        now = self._now()
        whole = [self._finished(record, keys, now) for record in records]
        _allowed((record["name"] for record in whole), names)
        given = [number for record in whole if isinstance(number := record.get("id"), int)]
        if merge and len(set(given)) < len(given):
            raise Refusal(400, "21000", "ON CONFLICT DO UPDATE command cannot affect row a second time")
        try:
            with self._writing() as connection:
                rules = _admit(connection, whole)
                known = self._known(connection, given, names) if merge is not None else {}
                rows = self._insert(connection, whole, keys, merge=merge)
                if given:
                    connection.rows(SQL["advance"], {"id": max(given)})
                written = Written(rows, len(rows) - sum(row[0] in known for row in rows))
                started = [
                    row for row in rows if rules.get(row[1]) is Overlap.TAKE_OVER and row[5] == IN_PROGRESS
                ]
                tell(connection, [*rows, *take_over(connection, started, now)], now)
                touch(connection, {*known.values(), *(row[1] for row in rows)})
                check(written)
        except Conflict:
            raise self._taken(given) from None
        return written

    @again
    def update(
        self,
        conditions: Sequence[Condition],
        values: Record,
        *,
        names: Names,
        check: Callable[[Written], None],
    ) -> Written:
        """Gives every matching record the same values. Raises Refusal 23505 or 42501."""
        now = self._now()
        if "name" in values:
            _allowed([values["name"]], names)
        text = self._text()
        sets = [f"{name} = {text.value(value)}" for name, value in values.items()]
        if values.get("status") in FINAL and "end_date" not in values:
            stale = text.value(now - STALE_SECONDS * 1_000_000)
            sets.append(
                f"end_date = CASE WHEN end_date IS NULL AND start_date > {stale} THEN {text.value(now)} "
                "ELSE end_date END"
            )
        where = text.where(_narrowed(conditions, names))
        sql = f"UPDATE {TABLE} SET {', '.join(sets)}{where} RETURNING {EVERY_COLUMN}"
        try:
            with self._writing() as connection:
                left = self._named(connection, conditions, names) if "name" in values else set()
                written = Written(connection.rows(sql, text.parameters), 0)
                if "status" in values:
                    tell(connection, written.rows, now)
                touch(connection, {*left, *(row[1] for row in written.rows)})
                check(written)
        except Conflict:
            raise self._taken([values["id"]] if "id" in values else []) from None
        return written

    @again
    def delete(
        self, conditions: Sequence[Condition], *, names: Names, check: Callable[[Written], None]
    ) -> Written:
        text = self._text()
        where = text.where(_narrowed(conditions, names))
        with self._writing() as connection:
            rows = connection.rows(f"DELETE FROM {TABLE}{where} RETURNING {EVERY_COLUMN}", text.parameters)
            written = Written(rows, 0)
            touch(connection, {row[1] for row in rows})
            check(written)
        return written

    def _named(self, connection: Connection, conditions: Sequence[Condition], names: Names) -> set[str]:
        """The names that matching records have."""
        text = self._text()
        sql = f"SELECT DISTINCT name FROM {TABLE}{text.where(_narrowed(conditions, names))}"
        return {row[0] for row in connection.rows(sql, text.parameters)}

    def _text(self) -> Text:
        return Text(SPELLINGS[self._database.dialect])

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with _in_time(), self._database.write() as connection:
            yield connection

    def _finished(self, record: Record, keys: Sequence[str], now: int) -> Record:
        """A final status without an end ends now, unless that was long ago."""
        start = record["start_date"]
        recent = isinstance(start, int) and start > now - STALE_SECONDS * 1_000_000
        if record["status"] in FINAL and "end_date" not in keys and recent:
            return {**record, "end_date": now}
        return record

    def _insert(
        self, connection: Connection, records: Sequence[Record], keys: Sequence[str], *, merge: bool | None
    ) -> list[Row]:
        rows: list[Row] = []
        for start in range(0, len(records), AT_ONCE):
            part = records[start : start + AT_ONCE]
            for has_id in (True, False):
                same = [record for record in part if ("id" in record) is has_id]
                if same:
                    rows += self._insert_alike(connection, same, keys, merge=merge if has_id else None)
        return rows

    def _insert_alike(
        self, connection: Connection, records: Sequence[Record], keys: Sequence[str], *, merge: bool | None
    ) -> list[Row]:
        text = self._text()
        columns = [name for name in NAMES if name in records[0]]
        values = ", ".join(
            f"({', '.join(text.value(record[name]) for name in columns)})" for record in records
        )
        conflict = ""
        if merge is False:
            conflict = " ON CONFLICT (id) DO NOTHING"
        elif merge:
            sets = ", ".join(f"{name} = excluded.{name}" for name in keys)
            conflict = f" ON CONFLICT (id) DO UPDATE SET {sets}"
        return connection.rows(
            f"INSERT INTO {TABLE} ({', '.join(columns)}) VALUES {values}{conflict} RETURNING {EVERY_COLUMN}",
            text.parameters,
        )

    def _known(self, connection: Connection, ids: Sequence[Any], names: Names) -> dict[int, str]:
        """Those of `ids` that there are, and their names."""
        found = {row[0]: row[1] for row in self._found(connection, ids)}
        _allowed(found.values(), names)
        return found

    def _taken(self, ids: Sequence[Any]) -> Refusal:
        with self._database.read() as connection:
            found = self._found(connection, ids)
        return refusal.key_taken(JOBS, found[0][0] if found else (ids[0] if ids else 0))

    def _found(self, connection: Connection, ids: Sequence[Any]) -> list[Row]:
        rows: list[Row] = []
        for start in range(0, len(ids), AT_ONCE):
            parameters = {f"i{place}": one for place, one in enumerate(ids[start : start + AT_ONCE])}
            listed = ", ".join(f":{name}" for name in parameters)
            rows += connection.rows(SQL["found"].replace("{ids}", listed), parameters)
        return rows


def _admit(connection: Connection, records: Sequence[Record]) -> dict[str, Overlap]:
    """Holds starts against the rules of their watches. A record that brings its id is put in its place: no start."""
    starts = Counter(str(one["name"]) for one in records if one["status"] == IN_PROGRESS and "id" not in one)
    try:
        return admit(connection, starts)
    except Refused as error:
        raise Refusal(409, "23P01", error.message, details=error.code, hint=error.hint) from None


def _narrowed(conditions: Iterable[Condition], names: Names) -> tuple[Condition, ...]:
    own = () if names is None else (OneOf("name", tuple(sorted(names))),)
    return (*own, *conditions)


def _allowed(given: Iterable[Any], names: Names) -> None:
    if names is not None and any(name not in names for name in given):
        raise Refusal(403, "42501", f'new row violates row-level security policy for table "{JOBS}"')


@contextmanager
def _in_time() -> Iterator[None]:
    try:
        yield
    except StateError as error:
        if error.code != "question_too_long":
            raise
        raise Refusal(
            500,
            "57014",
            "canceling statement due to statement timeout",
            hint="ask for less: filter by name, status or start_date, or by id",
        ) from None
