"""What holds for every project: equal content, equal digest; a manifest survives JSON; YAML keeps its words."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.compile import read_manifest, write_manifest
from headgate.compile.manifest_file import decode_manifest, encode_manifest
from headgate.compile.project import compile_project
from headgate.compile.yaml_file import load_yaml
from headgate.errors import StateError

from .conftest import BASE, Compile, write_files


def projects() -> st.SearchStrategy[dict[str, str | None]]:
    """Chains and fans of nodes with random columns, tags and parameters."""
    column = st.sampled_from(["c_id", "c_name", "c_nation"])
    node = st.tuples(
        st.lists(column, min_size=1, max_size=3, unique=True),
        st.lists(st.sampled_from(["a", "b", "c"]), max_size=2, unique=True),
        st.booleans(),
    )

    def build(nodes: list[tuple[list[str], list[str], bool]]) -> dict[str, str | None]:
        files: dict[str, str | None] = dict(BASE)
        for number, (columns, tags, templated) in enumerate(nodes):
            where = " where c_name = '{{ parameters.segment }}'" if templated else ""
            text = f"/*---\ntags: [{', '.join(tags)}]\n---*/\nselect {', '.join(columns)} from RAW.CUSTOMER{where}"
            files[f"nodes/STG/N{number}.sql"] = text
            files[f"nodes/MART/M{number}.sql"] = f"select * from STG.N{number}"
        return files

    return st.lists(node, max_size=5).map(build)


@settings(max_examples=25, deadline=None)
@given(files=projects(), seed=st.integers())
def test_equal_content_gives_equal_bytes_in_any_place_and_order(
    files: dict[str, str | None], seed: int
) -> None:
    shuffled = list(files.items())
    random.Random(seed).shuffle(shuffled)
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
        write_files(Path(one), files)
        write_files(Path(two), dict(shuffled))
        first = compile_project(Path(one), processes=1)
        second = compile_project(Path(two), processes=1)
    assert first.manifest_json == second.manifest_json
    assert first.manifest_digest == second.manifest_digest
    assert decode_manifest(first.manifest_json) == first.manifest
    assert encode_manifest(decode_manifest(first.manifest_json)) == first.manifest_json


def test_order_of_keys_in_a_file_means_nothing(compiled: Compile) -> None:
    text = BASE["headgate.yml"]
    one = compiled({"headgate.yml": text.replace("{segment: BUILDING}", "{a: 1, b: {x: 1, y: 2}}")})
    two = compiled({"headgate.yml": text.replace("{segment: BUILDING}", "{b: {y: 2, x: 1}, a: 1}")})
    assert one.manifest_digest == two.manifest_digest


def test_changed_text_changes_the_digest(compiled: Compile) -> None:
    one = compiled({"nodes/STG/N.sql": "select 1 as a"})
    two = compiled({"nodes/STG/N.sql": "select 2 as a"})
    assert one.manifest_digest != two.manifest_digest


def test_manifest_is_written_and_read(compiled: Compile, tmp_path: Path) -> None:
    manifest = compiled(
        {
            "nodes/STG/N.sql": "/*--- {load: scd2, key: c_id} ---*/\nselect c_id from RAW.CUSTOMER",
            "jobs/j.yml": "id: 4\nname: j\nrefresh: {include: '{ * }'}\nenvironments: {dev: {triggers: []}}\n",
            "subgraphs/s.yml": "name: s\nnodes: [STG.N]\n",
            "tests/t.sql": "/*--- {severity: warn, threshold: 1%} ---*/\nselect * from STG.N",
        }
    ).manifest
    write_manifest(manifest, tmp_path / "manifest.json")
    assert read_manifest(tmp_path / "manifest.json") == manifest
    assert manifest.subgraphs["s"].nodes == ("STG.N",)
    assert manifest.tests["tests.t"].depends_on == ("STG.N",)


def test_unreadable_manifest_says_so() -> None:
    with pytest.raises(StateError, match="cannot be read"):
        decode_manifest(b'{"name": 3}')


WORDS = {
    "on": "on",
    "off": "off",
    "yes": "yes",
    "no": "no",
    "y": "y",
    "12:30:00": "12:30:00",
    "2024-01-31": "2024-01-31",
    "010": "010",
    "1_000": "1_000",
    "0x1F": "0x1F",
    "1.2.3": "1.2.3",
    "true": True,
    "False": False,
    "null": None,
    "~": None,
    "7": 7,
    "-7": -7,
    "1.5": 1.5,
    "1e3": 1000.0,
    "'7'": "7",
    '"true"': "true",
}


@pytest.mark.parametrize(("written", "value"), WORDS.items(), ids=WORDS)
def test_yaml_scalar_means_what_it_looks_like(written: str, value: object) -> None:
    found = load_yaml(f"key: {written}\n").data["key"]
    assert (found, type(found)) == (value, type(value))


def test_yaml_keys_keep_their_words() -> None:
    assert load_yaml("on: 1\nno: 2\n").data == {"on": 1, "no": 2}


def test_yaml_merge_and_anchors_are_read_and_bombs_are_not() -> None:
    assert load_yaml("a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\n").data["b"] == {"x": 1, "y": 3}
    bomb = "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
    for name, inner in zip("bcdefgh", "abcdefg", strict=True):
        bomb += f"{name}: &{name} [{', '.join([f'*{inner}'] * 10)}]\n"
    assert [finding.code for finding in load_yaml(bomb).findings] == ["yaml_syntax"]
    assert [finding.code for finding in load_yaml("a: &a [*a]").findings] == ["yaml_syntax"]


@given(st.text())
def test_any_text_is_yaml_or_a_finding(text: str) -> None:
    found = load_yaml(text)
    for finding in found.findings:
        assert finding.line >= 1
        assert finding.column >= 1
