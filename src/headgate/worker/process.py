"""Which process this is, in a way that tells a reused pid apart."""

from __future__ import annotations

import os
import socket

from headgate.model.runs import Owner
from headgate.process import process_started

__all__ = ["process_started", "this_process"]


def this_process(label: str = "") -> Owner:
    """Who we are."""
    return Owner(
        host=socket.gethostname(),
        pid=os.getpid(),
        process_started=process_started(os.getpid()) or 0.0,
        label=label,
    )
