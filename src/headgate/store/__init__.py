"""Headgate's own state: the only SQL about it, one repository per noun, in an SQLite file or a PostgreSQL database.

Statuses move here and nowhere else, by compare-and-set, each with an event in the same transaction. What a
warehouse holds is not here: commit markers and interval ledgers live in the warehouse itself.
"""

from headgate.store.environments import EnvironmentRow
from headgate.store.journal import Journal
from headgate.store.queue import Admission
from headgate.store.run_lists import RunFilter
from headgate.store.runs import NewRun
from headgate.store.store import Store
from headgate.store.tags import Tag

__all__ = ["Admission", "EnvironmentRow", "Journal", "NewRun", "RunFilter", "Store", "Tag"]
