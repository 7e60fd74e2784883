"""The loader of examples/flights: days arrive in order and once, a correction changes one day and once."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

LOADER = Path(__file__).parents[2] / "examples" / "flights" / "load.py"
OTHER_DAYS = "SELECT sum(hash(f)) FROM raw.flights AS f WHERE NOT (month = 1 AND day = 15)"


@dataclass(frozen=True)
class Story:
    """What was said at each call, and the project's folder after all of them."""

    folder: Path
    too_early: subprocess.CompletedProcess[str]
    brought: list[str]
    other_days: list[tuple[object, ...]]
    corrected: list[str]


def load(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(folder / "load.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def rows(folder: Path, query: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(folder / "data" / "flights.duckdb"), read_only=True) as connection:
        return connection.execute(query).fetchall()


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    folder = tmp_path_factory.mktemp("flights")
    shutil.copy(LOADER, folder)
    too_early = load(folder, "--correct")
    days = ("2013-01-31", "2013-01-31", "2013-02-01")
    brought = [load(folder, "--until", day).stdout for day in days]
    other_days = rows(folder, OTHER_DAYS)
    corrected = [load(folder, "--correct").stdout for _ in range(2)]
    return Story(folder, too_early, brought, other_days, corrected)


def test_correction_before_its_day_has_come_is_one_line_with_what_to_do(story: Story) -> None:
    assert story.too_early.returncode == 1
    assert story.too_early.stderr == (
        "load.py: there are no flights of 2013-01-15 yet: run load.py --until 2013-01-15 first\n"
    )


def test_days_arrive_once_however_often_they_are_asked_for(story: Story) -> None:
    first, again, next_day = story.brought
    assert "27,004 flights" in first
    assert "brought 0 flights" in again
    assert "926 flights" in next_day
    assert rows(story.folder, "SELECT count(*) FROM raw.airlines") == [(16,)]


def test_missing_values_are_null_and_instants_have_no_zone(story: Story) -> None:
    january = "SELECT count(*) FROM raw.flights WHERE dep_time IS NULL AND month = 1 AND day <> 15"
    assert rows(story.folder, january) == [(508,)]
    assert rows(story.folder, "SELECT DISTINCT typeof(time_hour) FROM raw.flights") == [("TIMESTAMP",)]


def test_correction_changes_one_day_and_only_once(story: Story) -> None:
    first, again = story.corrected
    assert "119 flights changed, 1 cancelled, 1 added" in first
    assert "corrected already" in again
    assert rows(story.folder, OTHER_DAYS) == story.other_days
    day = "SELECT count(*) FROM raw.flights WHERE month = 1 AND day = 15"
    assert rows(story.folder, day) == [(895,)]


@pytest.mark.parametrize("arguments", [(), ("--until", "2014-01-01"), ("--until", "tomorrow")])
def test_wrong_usage_is_said_without_a_traceback(arguments: tuple[str, ...]) -> None:
    result = load(LOADER.parent, *arguments)
    assert result.returncode == 2
    assert "Traceback" not in result.stderr
