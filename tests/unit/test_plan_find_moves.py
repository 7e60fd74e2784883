"""Which deployed table becomes which wanted one: claims that hold, claims that do not, and what stands in the way."""

from __future__ import annotations

from headgate.model.bound import BoundNode, TableName
from headgate.model.project import Materialization
from headgate.plan.moves import Moves, find_moves


def node(
    name: str, *, was: str | None = None, id: str = "", schema: str = "stg", database: str | None = None
) -> BoundNode:
    return BoundNode(
        id=id or f"STG.{name}",
        location="STG",
        name=name,
        node_type="stage",
        path=f"nodes/STG/{name}.sql",
        materialization=Materialization.TABLE,
        relation=f"{schema}.{name.lower()}",
        table=TableName(schema, name.lower(), database),
        renamed_from=was,
    )


def found(old: list[BoundNode], new: list[BoundNode]) -> Moves:
    return find_moves({str(n.table): n for n in old}, {str(n.table): n for n in new})


def sources(old: list[BoundNode], new: list[BoundNode]) -> dict[str, str]:
    return {key: was.id for key, was in found(old, new).sources.items()}


def test_nothing_moves_where_nothing_was_renamed() -> None:
    assert found([node("A"), node("B")], [node("A"), node("C")]) == Moves()


def test_a_rename_may_name_its_node_without_location() -> None:
    assert sources([node("A")], [node("B", was="A")]) == {"stg.b": "STG.A"}


def test_what_still_stands_is_not_taken() -> None:
    assert sources([node("A")], [node("A"), node("B", was="STG.A")]) == {}


def test_of_two_that_claim_one_table_the_first_gets_it() -> None:
    assert sources([node("A")], [node("B", was="STG.A"), node("C", was="STG.A")]) == {"stg.b": "STG.A"}


def test_a_chain_holds_only_where_its_end_is_free() -> None:
    old = [node("A"), node("B"), node("C")]
    chain = [node("B", was="STG.A"), node("C", was="STG.B"), node("D", was="STG.C")]
    assert sources(old, chain) == {"stg.b": "STG.A", "stg.c": "STG.B", "stg.d": "STG.C"}
    assert sources(old, [node("A"), *chain]) == {}


def test_who_moves_on_steps_aside_and_who_does_not_is_dropped() -> None:
    old = [node("A"), node("B")]
    swap = found(old, [node("A", was="STG.B"), node("B", was="STG.A")])
    assert swap.aside == {"stg.a": TableName("stg", "hg_aside_1"), "stg.b": TableName("stg", "hg_aside_2")}
    over = found(old, [node("B", was="STG.A")])
    assert over.aside == {"stg.b": None}


def test_a_swap_that_is_deployed_is_not_swapped_again() -> None:
    swapped = [node("A", was="STG.B"), node("B", was="STG.A")]
    assert found(swapped, swapped) == Moves()


def test_an_unchanged_id_moves_with_its_place_but_never_to_another_database() -> None:
    assert sources([node("A")], [node("A", schema="stg2")]) == {"stg2.a": "STG.A"}
    assert sources([node("A")], [node("A", schema="stg2", database="other")]) == {}


def test_an_unchanged_id_does_not_push_another_node_out() -> None:
    old = [node("A", id="one"), node("B", id="two")]
    assert sources(old, [node("B", id="one")]) == {}


def test_going_back_undoes_a_rename() -> None:
    assert sources([node("B", was="STG.A")], [node("A")]) == {"stg.a": "STG.B"}
