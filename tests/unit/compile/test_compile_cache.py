"""What a compile parses, and what it takes from its cache; the cache never changes the answer."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from headgate.compile import cache as cache_module
from headgate.compile.project import compile_project
from headgate.errors import ProjectError

from .conftest import write_files

NODES = {
    "nodes/STG/A.sql": "select c_id, c_name from RAW.CUSTOMER",
    "nodes/STG/B.sql": "select * from STG.A",
    "nodes/MART/C.sql": "select c_id, c_name as name from STG.B",
    "nodes/MART/J.sql": "select '{{ parameters.segment }}' as segment",
    "tests/t.sql": "select * from MART.C where c_id < 0",
}


@pytest.fixture
def project(root: Path) -> Path:
    write_files(root, dict(NODES))
    age(root)
    return root


def age(root: Path) -> None:
    """Make every file old enough that its time stamp is trusted."""
    for path in root.rglob("*"):
        if path.is_file() and ".headgate" not in path.parts:
            os.utime(path, ns=(1_700_000_000_000_000_000, 1_700_000_000_000_000_000))


def parsed(root: Path) -> int:
    return compile_project(root, processes=1).stats.files_parsed


def test_first_compile_parses_every_file_and_the_second_none(project: Path) -> None:
    first = compile_project(project, processes=1)
    assert first.stats.files_parsed == first.stats.files_seen == 8
    second = compile_project(project, processes=1)
    assert second.stats.files_parsed == 0
    assert (second.manifest, second.manifest_digest) == (first.manifest, first.manifest_digest)
    assert second.environments == first.environments


def test_file_changed_within_the_clock_is_noticed_by_its_content(project: Path) -> None:
    compile_project(project, processes=1)
    path = project / "nodes/MART/C.sql"
    stat = path.stat()
    path.write_text("select c_id, c_name as nome from STG.B")
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1))
    names = [c.name for c in compile_project(project, processes=1).manifest.nodes["MART.C"].columns]
    assert names == ["c_id", "nome"]


def test_file_written_again_with_the_same_text_is_not_parsed(project: Path) -> None:
    compile_project(project, processes=1)
    (project / "nodes/STG/A.sql").write_text(NODES["nodes/STG/A.sql"])
    assert parsed(project) == 0


def test_changed_leaf_costs_one_parse(project: Path) -> None:
    compile_project(project, processes=1)
    write_files(project, {"nodes/MART/C.sql": "select c_id from STG.B"})
    assert parsed(project) == 1


def test_changed_columns_reach_the_nodes_below_without_parsing_them(project: Path) -> None:
    compile_project(project, processes=1)
    write_files(
        project,
        {"nodes/STG/A.sql": "select c_id, c_name, c_nation from RAW.CUSTOMER"},
    )
    compiled = compile_project(project, processes=1)
    assert compiled.stats.files_parsed == 1
    assert [c.name for c in compiled.manifest.nodes["STG.B"].columns] == ["c_id", "c_name", "c_nation"]


def test_column_that_vanishes_above_is_an_error_below(project: Path) -> None:
    compile_project(project, processes=1)
    write_files(project, {"nodes/STG/A.sql": "select c_id from RAW.CUSTOMER"})
    with pytest.raises(ProjectError) as caught:
        compile_project(project, processes=1)
    assert [str(d.location) for d in caught.value.diagnostics] == ["nodes/MART/C.sql:1:14"]


def test_removed_node_is_an_error_where_it_is_read(project: Path) -> None:
    compile_project(project, processes=1)
    (project / "nodes/STG/B.sql").unlink()
    with pytest.raises(ProjectError) as caught:
        compile_project(project, processes=1)
    assert [d.code for d in caught.value.diagnostics] == ["unknown_node"]


def test_errors_are_the_same_with_and_without_a_cache(project: Path) -> None:
    write_files(project, {"nodes/STG/A.sql": "select c_idd from RAW.CUSTOMER", "jobs/j.yml": "id: x\n"})
    found = []
    for _ in range(2):
        with pytest.raises(ProjectError) as caught:
            compile_project(project, processes=1)
        found.append(caught.value.diagnostics)
    assert found[0] == found[1]


def test_parameter_is_parsed_again_only_by_templates(project: Path) -> None:
    compile_project(project, processes=1)
    headgate = project / "headgate.yml"
    headgate.write_text(headgate.read_text().replace("BUILDING", "MACHINERY"))
    compiled = compile_project(project, processes=1)
    assert compiled.stats.files_parsed == 2  # headgate.yml and the one template
    assert compiled.manifest.nodes["MART.J"].query == "select 'MACHINERY' as segment"


def test_changed_macro_reaches_the_templates_that_use_it(project: Path) -> None:
    write_files(project, {"macros/m.sql": "{% macro one() %}1{% endmacro %}"})
    write_files(project, {"nodes/MART/K.sql": "select {{ one() }} as n"})
    compile_project(project, processes=1)
    write_files(project, {"macros/m.sql": "{% macro one() %}2{% endmacro %}"})
    assert compile_project(project, processes=1).manifest.nodes["MART.K"].query == "select 2 as n"


@pytest.mark.parametrize("name", ["project", "files"])
@pytest.mark.parametrize("damage", ["cut", "flip", "empty", "folder"])
def test_damaged_cache_is_passed_over(project: Path, name: str, damage: str) -> None:
    before = compile_project(project, processes=1)
    file = project / ".headgate/cache" / name
    content = file.read_bytes()
    file.unlink()
    if damage == "folder":
        file.mkdir()
    else:
        middle = len(content) // 2
        flipped = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
        file.write_bytes({"cut": content[:middle], "flip": flipped, "empty": b""}[damage])
    write_files(project, {"nodes/MART/C.sql": "select c_id from STG.B"})
    compile_project(project, processes=1)
    write_files(project, {"nodes/MART/C.sql": NODES["nodes/MART/C.sql"]})
    assert compile_project(project, processes=1).manifest_digest == before.manifest_digest


def test_cache_of_another_version_is_not_read(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compile_project(project, processes=1)
    monkeypatch.setattr(cache_module, "__version__", "0.0.0-other")
    cache_module.code_stamp.cache_clear()
    try:
        assert parsed(project) == 8
    finally:
        cache_module.code_stamp.cache_clear()


def test_folder_that_cannot_hold_a_cache_is_no_error(project: Path, tmp_path: Path) -> None:
    blocked = tmp_path / "blocked"
    blocked.write_text("a file where the folder should be")
    first = compile_project(project, cache_dir=blocked, processes=1)
    assert compile_project(project, cache_dir=blocked, processes=1).stats == first.stats


def test_compile_from_the_cache_equals_a_compile_without_one(project: Path) -> None:
    compile_project(project, processes=1)
    write_files(project, {"nodes/STG/A.sql": "select c_id, upper(c_name) as c_name from RAW.CUSTOMER"})
    by_cache = compile_project(project, processes=1)
    shutil.rmtree(project / ".headgate")
    assert compile_project(project, processes=1).manifest_json == by_cache.manifest_json


def test_several_processes_yield_what_one_does(project: Path, tmp_path: Path) -> None:
    write_files(project, {f"nodes/STG/N{number}.sql": f"select {number} as n" for number in range(450)})
    one = compile_project(project, cache_dir=tmp_path / "one", processes=1)
    two = compile_project(project, cache_dir=tmp_path / "two", processes=2)
    assert two.manifest_json == one.manifest_json
    assert two.stats.files_parsed == one.stats.files_parsed


def test_unchanged_project_imports_no_parser(project: Path) -> None:
    compile_project(project, processes=1)
    code = (
        "import sys; from pathlib import Path; from headgate.compile import compile_project;"
        f"compile_project(Path({str(project)!r}));"
        "print([m for m in ('sqlglot', 'jinja2', 'yaml', 'pydantic', 'duckdb') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
