"""The example projects compile without a warning, show what they promise, and their jobs select what they say."""

from __future__ import annotations

from pathlib import Path

import pytest

from headgate.bind.catalog import catalog_of
from headgate.compile import Compiled, compile_project
from headgate.model.project import LoadStrategy, Severity, TestKind, TestScope, TestTime
from headgate.model.runs import RunRequest
from headgate.selection import requested_selection

EXAMPLES = Path(__file__).parents[2] / "examples"
ONE_TIME_SELECTOR = (
    "{ location: SAMPLE name: CUSTOMER } OR { location: SAMPLE name: LINEITEM } OR "
    "{ location: SAMPLE name: NATION } OR { location: SAMPLE name: ORDERS } OR { location: SAMPLE name: PART } OR "
    "{ location: SAMPLE name: PARTSUPP } OR { location: SAMPLE name: REGION } OR "
    "{ location: SAMPLE name: SUPPLIER } OR { location: QA name: STG_PARTSUPP } OR "
    "{ location: PROD name: STG_PARTSUPP }"
)


@pytest.fixture(scope="module", params=["tpch", "flights"])
def example(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Compiled:
    return compile_project(EXAMPLES / request.param, cache_dir=tmp_path_factory.mktemp("cache"), processes=1)


@pytest.fixture(scope="module")
def tpch(tmp_path_factory: pytest.TempPathFactory) -> Compiled:
    return compile_project(EXAMPLES / "tpch", cache_dir=tmp_path_factory.mktemp("cache"), processes=1)


def selected(compiled: Compiled, job_id: int | None = None, include: str = "", exclude: str = "") -> set[str]:
    request = RunRequest(include=include, exclude=exclude, strict=True)
    return set(requested_selection(catalog_of(compiled.manifest), job_id, request).ids)


def test_example_compiles_without_a_warning(example: Compiled) -> None:
    assert example.warnings == ()


def test_every_column_of_an_example_is_known(example: Compiled) -> None:
    assert not [node.id for node in example.manifest.nodes.values() if node.open_shape or not node.columns]


def test_every_location_is_mapped_in_every_environment(example: Compiled) -> None:
    for environment in example.environments.values():
        assert set(environment.mappings) == set(example.manifest.locations)


def test_every_job_selects_something_by_terms_that_all_match(example: Compiled) -> None:
    for job_id in example.manifest.jobs:
        assert selected(example, job_id)


def test_tpch_shows_every_node_type(tpch: Compiled) -> None:
    types = {node.node_type for node in tpch.manifest.nodes.values()}
    built_in = {"source", "view", "work", "stage", "persistent_stage", "dimension", "fact"}
    assert types == built_in | set(tpch.manifest.node_types)
    assert len(tpch.manifest.node_types) == 1


def test_tpch_shows_every_load(tpch: Compiled) -> None:
    loads = {node.load.strategy for node in tpch.manifest.nodes.values() if node.load}
    assert loads == set(LoadStrategy)


def test_tpch_shows_every_kind_of_test_and_what_can_be_said_of_one(tpch: Compiled) -> None:
    tests = [test for node in tpch.manifest.nodes.values() for test in node.tests]
    assert {test.kind for test in tests} == set(TestKind)
    assert any(test.severity is Severity.WARN and test.threshold.percent is not None for test in tests)
    assert any(test.where for test in tests)
    assert any(test.scope is TestScope.NEW for test in tests)
    assert any(test.when is TestTime.BEFORE for test in tests)


def test_tpch_has_hooks_subgraphs_and_project_tests(tpch: Compiled) -> None:
    nodes = tpch.manifest.nodes.values()
    assert any(node.pre_sql for node in nodes)
    assert any(node.post_sql for node in nodes)
    assert set(tpch.manifest.subgraphs) == {"customers", "supply"}
    assert len(tpch.manifest.tests) == 2


def test_tpch_parameter_is_read_by_one_node(tpch: Compiled) -> None:
    readers = [node.id for node in tpch.manifest.nodes.values() if "market_segment" in node.reads_parameters]
    assert readers == ["MART.SHIPPING_PRIORITY"]
    assert tpch.environments["dev"].parameters == tpch.environments["pg"].parameters


def test_nightly_sales_selects_all_but_what_is_weekly(tpch: Compiled) -> None:
    assert tpch.manifest.jobs[4].name == "nightly_sales"
    assert selected(tpch, 4) == set(tpch.manifest.nodes) - {"MART.SALES_WIDE"}


def test_weekly_job_selects_the_wide_table_alone(tpch: Compiled) -> None:
    assert selected(tpch, 5) == {"MART.SALES_WIDE"}


def test_source_checks_select_the_eight_raw_tables(tpch: Compiled) -> None:
    names = ("CUSTOMER", "LINEITEM", "NATION", "ORDERS", "PART", "PARTSUPP", "REGION", "SUPPLIER")
    assert selected(tpch, 1) == {f"SAMPLE.{name}" for name in names}


def test_one_time_selector_of_another_system_runs_word_for_word(tpch: Compiled) -> None:
    expected = selected(tpch, 1) | {"QA.STG_PARTSUPP", "PROD.STG_PARTSUPP"}
    assert selected(tpch, include=ONE_TIME_SELECTOR) == expected


def test_marts_and_downstream_without_wide_tables_can_be_selected(tpch: Compiled) -> None:
    chosen = selected(tpch, include="{ location: MART }+ ", exclude="{ name: *_WIDE }")
    assert chosen == {name for name in tpch.manifest.nodes if name.startswith("MART.")} - {"MART.SALES_WIDE"}
