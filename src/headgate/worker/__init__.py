"""Carries runs out: claim -> execute -> finish. Reads what a run needs from the store and the warehouse only; it
never compiles, binds or plans, and needs no project folder.

`turns` claims and carries out one run, `execution` is a claimed run on its way, `host` does so for a whole queue.
"""

from headgate.worker.equipment import Observer, OpenWarehouse, Rebind
from headgate.worker.process import process_started, this_process
from headgate.worker.turns import Worker

__all__ = ["Observer", "OpenWarehouse", "Rebind", "Worker", "process_started", "this_process"]
