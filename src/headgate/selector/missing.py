"""Why a block matched nothing, and which names are near: the hint of a warning or of `--strict`."""

from __future__ import annotations

from collections.abc import Callable, Collection
from heapq import nlargest
from typing import Final

from headgate.errors import nearest
from headgate.selector.attributes import ATTRIBUTES, NAME, STATE, STATES, Index
from headgate.selector.expression import Block, Condition, format_selector
from headgate.selector.pattern import literal_part, matching

_COMPARED: Final = 60
"""Comparing two names closely takes about 20 µs, too much for each of 10,000."""
_LISTED: Final = 8


def explain(block: Block, index: Callable[[str], Index]) -> str:
    """One clause for a person; empty where there is nothing useful to say."""
    for condition in block.conditions:
        values = index(condition.attribute)
        found = matching(condition.pattern, values.first)
        if not found:
            return _other_attribute(condition, index) or _no_such_value(condition, values)
        if not values.nodes(found):
            return f"{condition.attribute} {condition.pattern} holds no nodes"
    return "each of its attributes matches a node, but no node matches all of them"


def _no_such_value(condition: Condition, values: Index) -> str:
    if condition.attribute == STATE:
        if matching(condition.pattern, STATES):
            return f"no node is {condition.pattern}"
        return f"state is one of {', '.join(STATES)}"
    if not values.first:
        return f"no node has a {condition.attribute}"
    text = literal_part(condition.pattern).lower()
    names = nearest(text, _candidates(text, values.spelled))
    if names:
        return f"did you mean {condition.attribute} {' or '.join(names)}?"
    if condition.attribute != NAME and len(values.first) <= _LISTED:
        return f"{condition.attribute} is one of {', '.join(sorted(set(values.spelled)))}"
    return ""


def _other_attribute(condition: Condition, index: Callable[[str], Index]) -> str:
    """For `{ MART }`, which is no name but a location."""
    if condition.attribute != NAME:
        return ""
    for attribute in ATTRIBUTES.values():
        if attribute.groups and matching(condition.pattern, index(attribute.name).first):
            return f"did you mean {format_selector(Block((Condition(attribute.name, condition.pattern),)))}?"
    return ""


def _candidates(text: str, values: Collection[str]) -> Collection[str]:
    """The values that share most pairs of letters with `text`; every other pair is enough to rank them."""
    if len(values) <= _COMPARED:
        return values
    pairs = [text[i : i + 2] for i in range(0, len(text), 2)]

    def shared(value: str) -> int:
        folded = value.lower()
        return sum(map(folded.__contains__, pairs))

    return nlargest(_COMPARED, values, key=shared)
