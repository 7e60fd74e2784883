"""The demo's two halves: the project that it writes, and the data that it makes."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path

import duckdb
import pytest

from headgate.demo import data as demo_data
from headgate.demo import load_data, write_project
from headgate.errors import Busy, HeadgateError, NotFound, UsageError

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "tpch"
TINY = 0.001


def files_of(folder: Path) -> set[str]:
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and path.relative_to(folder).parts[0] not in ("data", ".headgate")
    }


def test_project_is_written_as_it_stands_in_the_examples(tmp_path: Path) -> None:
    target = tmp_path / "new" / "project"
    write_project(target)
    assert files_of(target) == files_of(EXAMPLE)
    assert (target / "headgate.yml").read_bytes() == (EXAMPLE / "headgate.yml").read_bytes()


def test_folder_that_holds_something_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(UsageError) as caught:
        write_project(tmp_path)
    assert caught.value.code == "folder_not_empty"
    assert files_of(tmp_path) == {"mine.txt"}


def test_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    target = tmp_path / "taken"
    target.write_text("keep")
    with pytest.raises(UsageError) as caught:
        write_project(target)
    assert caught.value.code == "folder_not_empty"


def test_wheel_holds_every_file_of_the_example() -> None:
    """What is not named in the build's configuration would be missing from an installed demo."""
    build = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]
    included = build["targets"]["wheel"]["force-include"]
    assert {f"examples/tpch/{name.split('/')[0]}" for name in files_of(EXAMPLE)} == set(included)
    assert all(inside == f"headgate/demo/{path[9:]}" for path, inside in included.items())


def test_data_is_loaded_in_lower_case_and_nothing_else_is_left(tmp_path: Path) -> None:
    said: list[str] = []
    counts = load_data(tmp_path, TINY, said.append)
    assert counts["orders"] == 1500
    assert counts["lineitem"] == 6005
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["dev.duckdb"]
    with duckdb.connect(str(tmp_path / "data" / "dev.duckdb"), read_only=True) as connection:
        columns = [row[0] for row in connection.execute("DESCRIBE sample.nation").fetchall()]
        assert columns == ["n_nationkey", "n_name", "n_regionkey", "n_comment"]
        ((rows,),) = connection.execute("SELECT count(*) FROM sample.lineitem").fetchall()
        assert rows == 6005
    assert said[0] == "generating TPC-H at scale 0.001"
    assert said[-1] == "loaded sample.lineitem, 6,005 rows"


@pytest.mark.parametrize("scale", [0.0, -1.0, float("nan"), float("inf")])
def test_scale_that_means_nothing_is_refused(tmp_path: Path, scale: float) -> None:
    with pytest.raises(UsageError) as caught:
        load_data(tmp_path, scale, lambda _: None)
    assert caught.value.code == "scale_invalid"


def test_missing_generator_is_said_with_the_command_that_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setattr(sysconfig, "get_path", lambda _: str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NotFound) as caught:
        demo_data.find_generator()
    assert caught.value.code == "generator_missing"
    assert "pip install tpchgen-cli" in caught.value.hint


def test_generator_that_fails_is_quoted(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    with pytest.raises(HeadgateError) as caught:
        demo_data.generate(demo_data.find_generator(), TINY, blocked)
    assert caught.value.code == "demo_data_failed"
    assert "exists" in caught.value.message


def test_file_that_is_no_database_is_named_and_kept(tmp_path: Path) -> None:
    database = tmp_path / "data" / "dev.duckdb"
    database.parent.mkdir()
    database.write_bytes(b"not a database " * 1000)
    with pytest.raises(HeadgateError) as caught:
        load_data(tmp_path, TINY, lambda _: None)
    assert not isinstance(caught.value, Busy)
    assert caught.value.code == "demo_data_failed"
    assert database.read_bytes().startswith(b"not a database")


def test_database_open_in_another_process_is_busy(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    program = (
        "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "data" / "dev.duckdb")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdin is not None
        assert other.stdout.readline() == "open\n"
        with pytest.raises(Busy) as caught:
            load_data(tmp_path, TINY, lambda _: None)
        other.stdin.close()
    assert caught.value.code == "warehouse_locked"
