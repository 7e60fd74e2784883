"""Laws of selection, against brute force, on random projects and random selectors."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from headgate.model.bound import Catalog, Selectable
from headgate.selector import select

COUNT = 7
LOCATIONS = ("STG", "MART")


@st.composite
def catalogs(draw: st.DrawFn) -> Catalog:
    """Nodes N0..N6; each needs some of those before it, and all are shuffled in the catalog."""
    nodes = [
        Selectable(
            id=f"{LOCATIONS[number % 2]}.N{number}",
            name=f"N{number}",
            location=LOCATIONS[number % 2],
            node_type="stage",
            tags=tuple(draw(st.sets(st.sampled_from(["daily", "slow"])))),
            depends_on=tuple(
                f"{LOCATIONS[other % 2]}.N{other}"
                for other in draw(
                    st.sets(st.integers(0, number - 1), max_size=3) if number else st.just(set())
                )
            ),
        )
        for number in range(COUNT)
    ]
    return Catalog(tuple(draw(st.permutations(nodes))))


leaves = st.sampled_from(
    ["{ * }", "{ location: STG }", "{ tag: daily }", "{ tag: slow }", "{ N[0-3] }", "{ X }"]
) | (st.integers(0, COUNT - 1).map(lambda number: f"{{ N{number} }}"))
depths = st.sampled_from(["", "0", "1", "2", "3"])
selectors = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds("({} OR {})".format, inner, inner),
        st.builds("({} AND {})".format, inner, inner),
        st.builds("(NOT {})".format, inner),
        st.builds("{}+{}".format, depths, inner),
        st.builds("({}+{})".format, inner, depths),
    ).map(lambda text: f"({text})"),
    max_leaves=6,
)


def ids(catalog: Catalog, include: str = "", exclude: str = "") -> set[str]:
    return set(select(catalog, include, exclude).ids)


def closure(edges: dict[str, set[str]], starts: set[str], depth: int) -> set[str]:
    found = set(starts)
    for _ in range(depth):
        found |= {other for name in found for other in edges[name]}
    return found


@given(catalogs(), selectors, selectors)
def test_result_is_include_minus_exclude_in_the_order_of_the_catalog(
    catalog: Catalog, include: str, exclude: str
) -> None:
    chosen = ids(catalog, include) - ids(catalog, exclude)
    assert select(catalog, include, exclude).ids == tuple(n.id for n in catalog.nodes if n.id in chosen)
    assert ids(catalog, "", exclude) == ids(catalog) - ids(catalog, exclude)


@given(catalogs(), selectors, selectors)
def test_operators_are_those_of_sets(catalog: Catalog, left: str, right: str) -> None:
    a, b, everything = ids(catalog, left), ids(catalog, right), ids(catalog)
    assert ids(catalog, f"{left} OR {right}") == a | b
    assert ids(catalog, f"{left} AND {right}") == a & b
    assert ids(catalog, f"NOT {left}") == everything - a
    assert ids(catalog, f"{left} AND NOT {right}") == a - b


@given(catalogs(), selectors, selectors, depths)
def test_or_never_selects_less_with_or_without_lineage(
    catalog: Catalog, left: str, right: str, depth: str
) -> None:
    assert ids(catalog, left) <= ids(catalog, f"{left} OR {right}")
    both = f"({left})+{depth} OR ({right})+{depth}"
    assert ids(catalog, both) == ids(catalog, f"({left})+{depth}") | ids(catalog, f"({right})+{depth}")
    assert ids(catalog, both) == ids(catalog, f"({left} OR {right})+{depth}")


@given(catalogs(), selectors, depths)
def test_lineage_is_the_closure_by_brute_force(catalog: Catalog, selector: str, depth: str) -> None:
    needs = {n.id: set(n.depends_on) for n in catalog.nodes}
    needed_by = {n: {other for other in needs if n in needs[other]} for n in needs}
    starts = ids(catalog, selector)
    levels = int(depth or COUNT)
    up, down = closure(needs, starts, levels), closure(needed_by, starts, levels)
    assert ids(catalog, f"{depth}+({selector})") == up
    assert ids(catalog, f"({selector})+{depth}") == down
    assert ids(catalog, f"{depth}+({selector})+{depth}") == up | down
