"""Why a node is selected, and what it is made of."""

from __future__ import annotations

import pytest

from headgate.errors import NotFound
from headgate.model.bound import Catalog, Selectable
from headgate.model.project import Column, Materialization, Node
from headgate.service.asking import explain_selection
from headgate.service.lineage import find_node, find_subject, lineage


def selectable(name: str, *needs: str) -> Selectable:
    location, _, short = name.partition(".")
    return Selectable(id=name, name=short, location=location, node_type="stage", depends_on=needs)


CHAIN = Catalog(
    nodes=(selectable("R.A"), selectable("S.B", "R.A"), selectable("S.C", "S.B"), selectable("S.X"))
)


def node(name: str, columns: dict[str, tuple[tuple[str, str], ...]], *needs: str) -> Node:
    location, _, short = name.partition(".")
    made = tuple(Column(column, sources=sources) for column, sources in columns.items())
    return Node(name, location, short, "stage", Materialization.TABLE, "p", columns=made, depends_on=needs)


NODES = {
    one.id: one
    for one in (
        node("R.A", {"x": (), "y": ()}),
        node("S.B", {"x": (("R.A", "x"),), "z": (("R.A", "x"), ("R.A", "y"))}, "R.A"),
        node("S.C", {"z": (("S.B", "z"),)}, "R.A", "S.B"),
        node("T.B", {}),
    )
}


@pytest.mark.parametrize(
    ("include", "exclude", "why"),
    [
        ("{ B }", "", {"S.B": "matches { B }"}),
        ("+{ C }", "", {"S.C": "matches { C }", "S.B": "upstream of S.C", "R.A": "upstream of S.C"}),
        ("{ A }+1", "", {"R.A": "matches { A }", "S.B": "downstream of R.A"}),
        ("", "", dict.fromkeys(("R.A", "S.B", "S.C", "S.X"), "part of everything")),
        ("", "{ location: S }", {"R.A": "not excluded"}),
        ("NOT { location: S }", "", {"R.A": "matches no excluded term"}),
        ("+{ C }", "{ C }", {"S.B": "upstream of S.C", "R.A": "upstream of S.C"}),
        ("+{ C }", "{ A }", {"S.C": "matches { C }", "S.B": "upstream of S.C"}),
    ],
)
def test_every_selected_node_has_a_reason(include: str, exclude: str, why: dict[str, str]) -> None:
    assert explain_selection(CHAIN, include, exclude).why == why


def test_node_is_found_by_id_or_by_a_name_that_is_unique() -> None:
    assert find_node(NODES, "s.b").id == "S.B"
    assert find_node(NODES, "c").id == "S.C"
    with pytest.raises(NotFound) as several:
        find_node(NODES, "B")
    assert "S.B, T.B" in several.value.hint
    with pytest.raises(NotFound) as none:
        find_node(NODES, "S.CC")
    assert none.value.hint.startswith("did you mean S.C")


def test_subject_is_a_node_or_a_column_of_one() -> None:
    assert find_subject(NODES, "S.B")[1] is None
    assert find_subject(NODES, "C.Z")[1] == "z"
    for name, code in (("S.B.w", "column_not_found"), ("S.Q.w", "node_not_found"), ("w", "node_not_found")):
        with pytest.raises(NotFound) as missing:
            find_subject(NODES, name)
        assert missing.value.code == code


def test_lineage_names_each_node_once_by_its_shortest_way() -> None:
    found = lineage(NODES, NODES["S.C"], None)
    assert [(one.node_id, one.depth, one.via[0]) for one in found.upstream] == [
        ("R.A", 1, "S.C"),
        ("S.B", 1, "S.C"),
    ]
    assert found.downstream == ()
    assert [one.node_id for one in lineage(NODES, NODES["R.A"], None, 1).downstream] == ["S.B", "S.C"]


def test_lineage_of_a_column_follows_columns_only() -> None:
    up = lineage(NODES, NODES["S.C"], "z").upstream
    assert [(one.node_id, one.column) for one in up] == [("S.B", "z"), ("R.A", "x"), ("R.A", "y")]
    down = lineage(NODES, NODES["R.A"], "y").downstream
    assert [(one.node_id, one.column, one.depth) for one in down] == [("S.B", "z", 1), ("S.C", "z", 2)]
