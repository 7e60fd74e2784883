"""What a person is told of a selector beside its nodes."""

from __future__ import annotations

from collections.abc import Iterable

from headgate.cli.output import warn


def tell_missed(warnings: Iterable[str]) -> None:
    """A block that matched nothing is most often a name mistyped."""
    for warning in warnings:
        warn(warning)
