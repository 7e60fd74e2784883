"""Headgate: SQL nodes in git, planned, deployed, refreshed by job, and explained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headgate.client.client import Client

__version__ = "0.1.0"
__all__ = ["Client", "__version__"]


def __getattr__(name: str) -> Any:
    """`headgate.Client`, imported when it is first named: commands must not pay for an HTTP library."""
    if name == "Client":
        from headgate.client.client import Client

        return Client
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
