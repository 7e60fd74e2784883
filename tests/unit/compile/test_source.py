"""Finding and listing a project's files, and its git state."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from headgate.compile import compile_project, describe_version, find_root
from headgate.compile.source import list_files
from headgate.errors import HeadgateError, NotFound, ProjectError


def test_root_is_found_from_a_folder_inside(root: Path) -> None:
    assert find_root(root / "nodes" / "RAW") == root


def test_folder_outside_a_project_is_refused(tmp_path: Path) -> None:
    for act in (find_root, compile_project):
        with pytest.raises(NotFound) as caught:
            act(tmp_path)
        assert caught.value.code == "not_a_project"


def test_hidden_and_foreign_files_are_passed_over(root: Path) -> None:
    (root / "nodes/.hidden.sql").write_text("x")
    (root / "nodes/RAW/notes.md").write_text("x")
    (root / "data.yml").write_text("x")
    paths = [stamp.path for stamp in list_files(root)]
    assert paths == ["environments/dev.yml", "headgate.yml", "nodes/RAW/sources.yml"]


def test_linked_folder_that_leads_back_does_not_loop(root: Path) -> None:
    (root / "nodes/STG").mkdir()
    (root / "nodes/STG/back").symlink_to(root / "nodes")
    assert len(list_files(root)) == 3


def test_file_that_no_rule_covers_is_a_warning(root: Path) -> None:
    (root / "nodes/RAW/source.yml").write_text("x: 1")
    warnings = compile_project(root, processes=1).warnings
    assert [(w.code, str(w.location)) for w in warnings] == [("unknown_file", "nodes/RAW/source.yml:1:1")]
    assert compile_project(root, processes=1).warnings == warnings


def test_file_whose_ending_is_in_capitals_is_a_warning(root: Path) -> None:
    (root / "nodes/RAW/N.SQL").write_text("select 1 as a")
    warnings = compile_project(root, processes=1).warnings
    assert [(w.code, w.location.file) for w in warnings] == [("unknown_file", "nodes/RAW/N.SQL")]


def test_pipe_is_passed_over(root: Path) -> None:
    os.mkfifo(root / "nodes/RAW/PIPE.sql")
    assert len(list_files(root)) == 3


def test_file_with_a_nul_names_the_line(root: Path) -> None:
    (root / "nodes/RAW/N.sql").write_bytes(b"select 1\n as a\0 ")
    with pytest.raises(ProjectError) as caught:
        compile_project(root, processes=1)
    assert [f"{d.location} {d.code}" for d in caught.value.diagnostics] == ["nodes/RAW/N.sql:2:1 not_utf8"]


def test_file_that_is_not_utf8_names_the_line(root: Path) -> None:
    (root / "nodes/STG").mkdir()
    (root / "nodes/STG/N.sql").write_bytes(b"select 1 as a,\n'\xff' as b")
    with pytest.raises(ProjectError) as caught:
        compile_project(root, processes=1)
    assert [(d.code, str(d.location)) for d in caught.value.diagnostics] == [
        ("not_utf8", "nodes/STG/N.sql:2:1")
    ]


def test_windows_line_ends_and_a_byte_order_mark_change_nothing(root: Path) -> None:
    (root / "nodes/STG").mkdir()
    path = root / "nodes/STG/N.sql"
    path.write_bytes(b"\xef\xbb\xbf/*---\r\ntags: [a]\r\n---*/\r\nselect c_id\r\nfrom RAW.CUSTOMER\r\n")
    node = compile_project(root, processes=1).manifest.nodes["STG.N"]
    assert (node.tags, node.query) == (("a",), "select c_id\nfrom RAW.CUSTOMER")


def test_unreadable_file_is_one_plain_error(root: Path) -> None:
    (root / "jobs").mkdir()
    (root / "jobs/j.yml").symlink_to("/proc/self/mem")
    with pytest.raises(HeadgateError) as caught:
        compile_project(root, processes=1)
    assert caught.value.code == "file_unreadable"


def test_version_is_the_commit_and_says_dirty(root: Path) -> None:
    assert describe_version(root).commit is None

    def git(*arguments: str) -> None:
        identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
        subprocess.run(["git", "-C", str(root), *identity, *arguments], check=True, capture_output=True)

    git("init")
    git("add", ".")
    git("commit", "-m", "first")
    clean = describe_version(root)
    assert clean.commit is not None
    assert len(clean.commit) == 40
    assert not clean.dirty
    (root / "headgate.yml").write_text("name: other\nlocations: [RAW, STG, MART]\n")
    assert describe_version(root).dirty
