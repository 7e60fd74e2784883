"""Tables, numbers, plans and errors as words."""

from __future__ import annotations

import errno

import click
import pytest

from headgate.cli.errors import end
from headgate.cli.output import names, one_line, plural, rows_text, seconds, table
from headgate.cli.plan_text import plan_lines
from headgate.errors import Busy, Diagnostic, Location, ProjectError, UsageError
from headgate.model.bound import NamedSql, TableName
from headgate.model.plan import Change, ChangeKind, Plan, Subject


def test_table_is_as_wide_as_its_widest_cell_and_ends_without_blanks() -> None:
    lines = [
        click.unstyle(line) for line in table(("NODE", "ROWS"), [("A", 5), ("LONGER", None)], right=(1,))
    ]
    assert lines == ["NODE    ROWS", "A          5", "LONGER"]


def test_what_would_steer_a_terminal_is_shown_as_something_else() -> None:
    assert (
        one_line("a\x1b[2Jb\x9b1m\r")
        == "a\N{REPLACEMENT CHARACTER}[2Jb\N{REPLACEMENT CHARACTER}1m\N{REPLACEMENT CHARACTER}"
    )
    assert one_line("two\n  lines, größer\t→") == "two lines, größer →"


def test_numbers_are_written_for_people() -> None:
    assert [seconds(value) for value in (None, 0.314, 99.5, 125, 7260)] == [
        "",
        "0.31s",
        "99.50s",
        "2m05s",
        "2h01m",
    ]
    assert plural(1, "node") == "1 node"
    assert plural(1204, "node") == "1,204 nodes"
    assert names(["a", "b", "c"], 2) == "a, b and 1 more"
    assert rows_text(1204, None, 0) == "1,204 inserted"


def test_plan_tells_what_is_lost() -> None:
    change = Change(
        ChangeKind.DROP,
        Subject.NODE,
        "MART.C",
        table=TableName("mart", "c"),
        statements=(NamedSql("drop", "DROP TABLE mart.c"),),
        reasons=("no file names it",),
        destroys="all that is in mart.c",
        drift=True,
    )
    plan = Plan("dev", 1, (change,), ("MART.D",), "abc", "def")
    lines = [click.unstyle(line) for line in plan_lines(plan, ddl=True)]
    assert lines == [
        "dev: 1 change (abc -> def), 1 of them destroys data",
        "  - drop    MART.C (mart.c)",
        "      no file names it",
        "      drifted: the warehouse is not as the last deploy left it",
        "      destroys all that is in mart.c",
        "      DROP TABLE mart.c",
        "1 node needs a refresh afterwards: MART.D",
    ]
    assert len(list(plan_lines(plan, ddl=False))) == len(lines) - 1
    assert list(plan_lines(Plan("dev", 1), ddl=True)) == ["dev: no changes"]


@pytest.mark.parametrize(
    ("error", "code", "first"),
    [
        (UsageError("x", "wrong\n flag", hint="do it"), 2, "error: wrong flag"),
        (Busy("x", "taken"), 1, "error: taken"),
        (UsageError("x", "bad", location=Location("a.toml", 3, 1)), 2, "error: a.toml:3:1: bad"),
        (
            ProjectError([Diagnostic("x", "bad", Location("a.sql", 1, 2), "mend it")]),
            2,
            "a.sql:1:2: error: bad",
        ),
        (OSError(errno.ENOSPC, "No space", "/data/x"), 1, "error: /data/x: the disk is full"),
        (PermissionError(errno.EACCES, "denied", "/x"), 1, "error: /x: permission denied"),
        (KeyboardInterrupt(), 1, "error: interrupted"),
        (click.Abort(), 1, "error: interrupted"),
        (MemoryError(), 1, "error: not enough memory"),
        (ValueError("two\nlines"), 1, "error: unexpected ValueError: two lines"),
        (RuntimeError(), 1, "error: unexpected RuntimeError"),
    ],
)
def test_every_error_is_one_line_and_an_exit_code(
    capsys: pytest.CaptureFixture[str], error: BaseException, code: int, first: str
) -> None:
    assert end(error) == code
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.splitlines()[0] == first


def test_unexpected_error_shows_where_it_happened_only_when_asked_to(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert end(ValueError("odd")) == 1
    hidden = capsys.readouterr().err
    assert "Traceback" not in hidden
    assert "HEADGATE_DEBUG=1" in hidden
    monkeypatch.setenv("HEADGATE_DEBUG", "1")
    try:
        raise ValueError("odd")
    except ValueError as error:
        end(error)
    assert "test_words.py" in capsys.readouterr().err
