"""When a process started: what tells a pid from the same one used again."""

from __future__ import annotations

import os
from contextlib import suppress


def process_started(pid: int) -> float | None:
    """When the process with this pid started, in clock ticks since boot; None where there is none.

    Where the system has no /proc, any living process counts as started at 0.
    """
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            return float(file.read().rpartition(")")[2].split()[19])
    except FileNotFoundError:
        pass
    except OSError:
        return None
    if os.path.isdir("/proc/self"):
        return None
    with suppress(OSError):
        os.kill(pid, 0)
        return 0.0
    return None
