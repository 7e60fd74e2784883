"""What a person is told of a selector beside its nodes."""

from __future__ import annotations

from headgate.cli.output import warn
from headgate.selector import Selection


def tell_missed(selection: Selection) -> None:
    """A block that matched nothing is most often a name mistyped."""
    for warning in selection.warnings:
        warn(warning)
