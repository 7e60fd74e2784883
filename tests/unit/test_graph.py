"""Order, cycles and reach, on examples and on random graphs."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.graph import downstream, find_cycle, invert, order, reach, upstream

NAMES = [f"n{i}" for i in range(8)]
graphs = st.dictionaries(st.sampled_from(NAMES), st.lists(st.sampled_from([*NAMES, "outside"]), max_size=4))


@st.composite
def acyclic(draw: st.DrawFn) -> dict[str, list[str]]:
    names = draw(st.permutations(NAMES))
    return {
        name: draw(st.lists(st.sampled_from(names[:i]), max_size=3)) if i else []
        for i, name in enumerate(names)
    }


def closure(edges: dict[str, list[str]], start: str, depth: int | None) -> set[str]:
    """Reach by the definition: walk every path."""
    if start not in edges:
        return set()
    if depth == 0:
        return {start}
    below = None if depth is None else depth - 1
    return {start}.union(*(closure(edges, name, below) for name in edges[start]))


def test_order_puts_every_name_after_what_it_needs_and_ties_alphabetically() -> None:
    assert order({"c": [], "a": ["c"], "b": []}) == ["b", "c", "a"]


@given(acyclic())
def test_order_does_not_depend_on_the_order_of_the_mapping(graph: dict[str, list[str]]) -> None:
    ordered = order(graph)
    assert sorted(ordered) == sorted(graph)
    assert all(ordered.index(need) < ordered.index(name) for name, needs in graph.items() for need in needs)
    assert ordered == order(dict(reversed(graph.items())))


def test_names_outside_the_graph_neither_order_nor_appear() -> None:
    graph = {"a": ["elsewhere", "b", "b"], "b": []}
    assert order(graph) == ["b", "a"]
    assert invert(graph) == {"a": [], "b": ["a"]}
    assert upstream(graph, ["a", "nobody"]) == {"a", "b"}
    assert find_cycle(graph) is None


def test_order_of_a_cycle_names_the_path() -> None:
    with pytest.raises(ValueError, match="cycle: a -> b -> a"):
        order({"a": ["b"], "b": ["a"]})


def test_cycle_is_a_closed_path_that_starts_at_its_first_name() -> None:
    assert find_cycle({"z": ["y"], "y": ["b"], "b": ["c"], "c": ["y"]}) == ["b", "c", "y", "b"]
    assert find_cycle({"a": ["a"]}) == ["a", "a"]


@given(graphs)
def test_a_graph_has_an_order_exactly_when_it_has_no_cycle(graph: dict[str, list[str]]) -> None:
    cycle = find_cycle(graph)
    if cycle is None:
        assert len(order(graph)) == len(graph)
    else:
        assert cycle[0] == cycle[-1]
        assert all(needed in graph[name] for name, needed in pairwise(cycle))


@given(acyclic(), st.sampled_from(NAMES), st.none() | st.integers(0, 4))
def test_reach_equals_the_walk_over_every_path(
    graph: dict[str, list[str]], start: str, depth: int | None
) -> None:
    assert upstream(graph, [start], depth) == closure(graph, start, depth)
    assert downstream(graph, [start], depth) == closure(invert(graph), start, depth)
    assert reach(graph, [start], 0) == {start}


def test_reach_of_several_starts_measures_depth_from_the_nearest() -> None:
    chain = {"a": ["b"], "b": ["c"], "c": ["d"], "d": []}
    assert upstream(chain, ["a", "c"], 1) == {"a", "b", "c", "d"}


def test_ten_thousand_names_in_one_chain_need_no_recursion() -> None:
    chain = {f"n{i:05}": [f"n{i + 1:05}"] for i in range(10_000)}
    assert len(order(chain)) == 10_000
    assert find_cycle(chain) is None
    assert len(upstream(chain, ["n00000"])) == 10_000
    chain["n09999"] = ["n00000"]
    assert len(find_cycle(chain) or ()) == 10_001
