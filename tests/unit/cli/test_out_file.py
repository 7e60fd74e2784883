"""The file of --out."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from headgate.cli.out_file import OutFile
from headgate.errors import HeadgateError, UsageError


def test_old_content_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    path.write_text("old")
    with OutFile(path) as out:
        assert path.read_text() == "old"
        out.write(b"new")
    assert path.read_text() == "new"
    assert os.listdir(tmp_path) == ["result.json"]


def test_nothing_is_left_where_nothing_was_written(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    with OutFile(path):
        pass
    assert os.listdir(tmp_path) == []


def test_file_can_be_read_by_whom_the_umask_lets(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    before = os.umask(0o027)
    try:
        with OutFile(path) as out:
            out.write(b"x")
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o640


def test_link_is_followed_and_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    link = tmp_path / "link.json"
    link.symlink_to(tmp_path / "real" / "result.json")
    with OutFile(link) as out:
        out.write(b"x")
    assert link.is_symlink()
    assert (tmp_path / "real" / "result.json").read_text() == "x"


def test_device_is_written_to_and_never_replaced() -> None:
    with OutFile(Path("/dev/null")) as out:
        out.write(b"x")
    assert not Path("/dev/null").is_file()
    with OutFile(Path("/dev/full")) as out, pytest.raises(HeadgateError) as failed:
        out.write(b"x")
    assert failed.value.code == "out_failed"


@pytest.mark.parametrize("name", ["none/result.json", "."])
def test_place_that_cannot_be_written_is_refused_at_once(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError) as refused:
        OutFile(tmp_path / name)
    assert refused.value.code == "out_not_writable"


def test_no_file_is_asked_for() -> None:
    with OutFile(None) as out:
        out.write(b"x")
