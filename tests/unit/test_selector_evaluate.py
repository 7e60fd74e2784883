"""What selectors select: each attribute, lineage, include and exclude, jobs, and what is said of a miss."""

from __future__ import annotations

import subprocess
import sys

import pytest

from headgate.errors import UsageError
from headgate.model.bound import Catalog, Selectable
from headgate.model.project import Job, RefreshWorkload
from headgate.selector import Selection, TermMatch, select


def node(
    node_id: str, *needs: str, node_type: str = "stage", tags: str = "", state: str = "unchanged"
) -> Selectable:
    location, name = node_id.split(".")
    path = f"nodes/{location}/{'sources.yml' if node_type == 'source' else name + '.sql'}"
    return Selectable(node_id, name, location, node_type, path, tuple(tags.split()), needs, state)


def job(job_id: int, name: str, include: str = "", exclude: str = "") -> Job:
    return Job(id=job_id, name=name, refresh=RefreshWorkload(include, exclude), path=f"jobs/{name}.yml")


CATALOG = Catalog(
    nodes=(
        node("SAMPLE.CUSTOMER", node_type="source"),
        node("SAMPLE.ORDERS", node_type="source"),
        node("STG.STG_CUSTOMER", "SAMPLE.CUSTOMER", tags="daily"),
        node("STG.STG_ORDERS", "SAMPLE.ORDERS", tags="daily slow", state="modified"),
        node("MART.DIM_CUSTOMER", "STG.STG_CUSTOMER", node_type="dimension", tags="Daily"),
        node("MART.FCT_ORDERS", "STG.STG_CUSTOMER", "STG.STG_ORDERS", node_type="fact"),
        node(
            "MART.ORDERS_WIDE",
            "MART.DIM_CUSTOMER",
            "MART.FCT_ORDERS",
            "GONE.X",
            node_type="fact",
            state="new",
        ),
        node("QA.STG_PARTSUPP"),
    ),
    subgraphs={"customers": ("STG.STG_CUSTOMER", "MART.DIM_CUSTOMER", "GONE.X"), "hollow": ()},
    jobs={
        4: job(4, "nightly_sales", "{ location: MART }", "{ *_WIDE }"),
        7: job(7, "sources", "{ location: SAMPLE }"),
        8: job(8, "both", "{ job: nightly* } OR { job: 7 }"),
        9: job(9, "everything"),
        20: job(20, "a", "{ job: b }"),
        21: job(21, "b", "{ location: MART }", "{ job: a }"),
        22: job(22, "self", "{ job: SELF }"),
        23: job(23, "broken", "{ colour: red }"),
    },
)


def names(include: str = "", exclude: str = "") -> str:
    """Names of the selected nodes, in one line."""
    return " ".join(i.split(".")[1] for i in select(CATALOG, include, exclude).ids)


@pytest.mark.parametrize(
    ("include", "expected"),
    [
        ("{ name: DIM_CUSTOMER }", "DIM_CUSTOMER"),
        ("{ dim_customer }", "DIM_CUSTOMER"),
        ("{ nodeID: STG.STG_ORDERS }", "STG_ORDERS"),
        ("{ nodeID: mart.* }", "DIM_CUSTOMER FCT_ORDERS ORDERS_WIDE"),
        ("{ location: SAMPLE }", "CUSTOMER ORDERS"),
        ("{ nodeType: Fact }", "FCT_ORDERS ORDERS_WIDE"),
        ("{ nodeType: source }", "CUSTOMER ORDERS"),
        ("{ subgraph: CUSTOMERS }", "STG_CUSTOMER DIM_CUSTOMER"),
        ("{ tag: daily }", "STG_CUSTOMER STG_ORDERS DIM_CUSTOMER"),
        ("{ tag: * }", "STG_CUSTOMER STG_ORDERS DIM_CUSTOMER"),
        ("{ path: nodes/STG/* }", "STG_CUSTOMER STG_ORDERS"),
        ("{ state: new }", "ORDERS_WIDE"),
        ("{ state: [nm][eo][wd]* }", "STG_ORDERS ORDERS_WIDE"),
        ("{ job: 4 }", "DIM_CUSTOMER FCT_ORDERS"),
        ("{ job: NIGHTLY_SALES }", "DIM_CUSTOMER FCT_ORDERS"),
        ("{ job: both }", "CUSTOMER ORDERS DIM_CUSTOMER FCT_ORDERS"),
        ("{ job: everything location: QA }", "STG_PARTSUPP"),
        (
            "{ location: SAMPLE name: CUSTOMER } OR { location: QA name: STG_PARTSUPP }",
            "CUSTOMER STG_PARTSUPP",
        ),
        ("{ *ORDERS* }", "ORDERS STG_ORDERS FCT_ORDERS ORDERS_WIDE"),
        ("{ tag: daily } AND { tag: slow }", "STG_ORDERS"),
        ("NOT { location: MART } AND NOT { nodeType: source }", "STG_CUSTOMER STG_ORDERS STG_PARTSUPP"),
        ("{ QA } OR { tag: slow } AND { location: STG }", "STG_ORDERS"),
        ("+{ FCT_ORDERS }", "CUSTOMER ORDERS STG_CUSTOMER STG_ORDERS FCT_ORDERS"),
        ("1+{ FCT_ORDERS }", "STG_CUSTOMER STG_ORDERS FCT_ORDERS"),
        ("0+{ FCT_ORDERS }", "FCT_ORDERS"),
        ("{ location: MART }+ ", "DIM_CUSTOMER FCT_ORDERS ORDERS_WIDE"),
        ("{ STG_CUSTOMER }+1", "STG_CUSTOMER DIM_CUSTOMER FCT_ORDERS"),
        ("1+{ STG_CUSTOMER }+1", "CUSTOMER STG_CUSTOMER DIM_CUSTOMER FCT_ORDERS"),
        ("+{ STG_CUSTOMER } OR +{ STG_ORDERS }", "CUSTOMER ORDERS STG_CUSTOMER STG_ORDERS"),
        ("+({ DIM_* } OR { STG_ORDERS })", "CUSTOMER ORDERS STG_CUSTOMER STG_ORDERS DIM_CUSTOMER"),
        ("({ SAMPLE } OR { CUSTOMER })+1 AND { location: STG }", "STG_CUSTOMER"),
    ],
)
def test_include_selects(include: str, expected: str) -> None:
    assert names(include) == expected


def test_result_is_include_minus_exclude() -> None:
    assert names("{ location: MART }+ ", "{ name: *_WIDE }") == "DIM_CUSTOMER FCT_ORDERS"
    assert names("", "NOT { location: QA }") == "STG_PARTSUPP"
    assert names("  ", "") == names("{ * }")
    assert len(select(CATALOG).ids) == len(CATALOG.nodes)


def test_selection_says_what_each_block_matched_by_itself() -> None:
    found = select(CATALOG, "+{ DIM_CUSTOMER } OR { tag:slow }", "{ * } AND { location: SAMPLE }")
    assert found == Selection(
        ids=("STG.STG_CUSTOMER", "STG.STG_ORDERS", "MART.DIM_CUSTOMER"),
        terms=(
            TermMatch("include", "{ DIM_CUSTOMER }", 1, ("MART.DIM_CUSTOMER",)),
            TermMatch("include", "{ tag:slow }", 21, ("STG.STG_ORDERS",)),
            TermMatch("exclude", "{ * }", 0, tuple(n.id for n in CATALOG.nodes)),
            TermMatch("exclude", "{ location: SAMPLE }", 10, ("SAMPLE.CUSTOMER", "SAMPLE.ORDERS")),
        ),
    )


@pytest.mark.parametrize(
    ("include", "warning"),
    [
        ("{ DIM_CUSTOMR }", "column 1: { DIM_CUSTOMR } matches nothing; did you mean name DIM_CUSTOMER"),
        (
            "{ A } OR { location: STGG }",
            "column 10: { location: STGG } matches nothing; did you mean location STG?",
        ),
        ("{ location: SAMPEL* }", "matches nothing; did you mean location SAMPLE?"),
        ("{ tag: daly }", "matches nothing; did you mean tag daily"),
        ("{ job: nightly }", "matches nothing; did you mean job nightly_sales"),
        ("{ subgraph: custmers }", "matches nothing; did you mean subgraph customers?"),
        ("{ nodeType: xyz }", "matches nothing; nodeType is one of dimension, fact, source, stage"),
        ("{ state: changed }", "matches nothing; state is one of new, modified, unchanged"),
        ("{ MART }", "matches nothing; did you mean { location: MART }?"),
        ("{ subgraph: hollow }", "matches nothing; subgraph hollow holds no nodes"),
        ("{ location: QA name: CUSTOMER }", "no node matches all of them"),
        ("{ zzzzzzzzzzzz }", "{ zzzzzzzzzzzz } matches nothing"),
    ],
)
def test_block_that_matches_nothing_is_a_warning_with_near_names(include: str, warning: str) -> None:
    assert warning in select(CATALOG, include).warnings[-1]
    assert select(CATALOG, "{ * }", include).warnings[-1].startswith("exclude selector, ")


def test_state_that_no_node_has_is_no_unknown_one() -> None:
    unchanged = Catalog(nodes=(node("STG.A"),))
    (warning,) = select(unchanged, "{ state: modified }").warnings
    assert warning.endswith("{ state: modified } matches nothing; no node is modified")


def test_strict_refuses_a_block_that_matches_nothing() -> None:
    with pytest.raises(UsageError) as caught:
        select(CATALOG, "{ CUSTOMRE } OR { X } OR { CUSTOMER }", strict=True)
    assert caught.value.code == "selector_no_match"
    assert caught.value.message == "include selector, column 1: { CUSTOMRE } matches nothing (and 1 more)"
    assert "did you mean name CUSTOMER" in caught.value.hint
    assert select(CATALOG, "{ CUSTOMER }", strict=True).ids == ("SAMPLE.CUSTOMER",)


def test_project_without_nodes_or_tags_is_selected_from_without_fuss() -> None:
    assert select(Catalog(()), "{ * }").warnings == (
        "include selector, column 1: { * } matches nothing; no node has a name",
    )
    assert "no node has a tag" in select(Catalog((node("A.B"),)), "{ tag: x }").warnings[0]


@pytest.mark.parametrize(
    ("include", "message"),
    [
        ("{ job: a }", "job a selects by itself: a -> b -> a"),
        ("{ job: b }", "job a selects by itself: a -> b -> a"),
        ("{ A } OR NOT { job: 22 }", "job self selects by itself: self -> self"),
    ],
)
def test_job_that_selects_by_itself_is_refused_with_its_path(include: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        select(CATALOG, include)
    assert caught.value.code == "selector_job_cycle"
    assert caught.value.message == message
    assert caught.value.location is not None


def test_syntax_error_inside_a_job_names_the_job() -> None:
    with pytest.raises(UsageError, match="job broken: include selector, column 3: unknown attribute colour"):
        select(CATALOG, "{ job: broken }")
    # Jobs that nobody asked for are not even read.
    assert names("{ job: sources }") == "CUSTOMER ORDERS"


def test_a_long_chain_of_jobs_needs_no_recursion() -> None:
    jobs = {i: job(i, f"j{i}", f"{{ job: {i + 1} }}") for i in range(1, 400)}
    jobs[400] = job(400, "j400", "{ B }")
    assert select(Catalog((node("A.B"), node("A.C")), jobs=jobs), "{ job: j1 }").ids == ("A.B",)


def test_deepest_allowed_nesting_is_evaluated() -> None:
    text = "NOT (" * 25 + "{ CUSTOMER }" + ")" * 25
    assert len(select(CATALOG, text).ids) == len(CATALOG.nodes) - 1


def test_importing_selectors_loads_nothing_heavy() -> None:
    heavy = "duckdb psycopg sqlglot jinja2 pydantic rich click yaml sqlite3 msgspec asyncio inspect"
    code = f"import sys, headgate.selector; print([m for m in {heavy.split()} if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() in ("[]", "['inspect']")  # dataclasses itself imports inspect
