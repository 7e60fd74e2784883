"""Whether a server works."""

from __future__ import annotations

from typing import Literal

from headgate.wire.base import Answer


class Health(Answer):
    status: Literal["ok", "unavailable"]
    version: str
