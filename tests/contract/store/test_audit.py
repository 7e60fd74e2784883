"""The audit trail: in the transaction of what it tells of, newest first, found by who and what."""

from __future__ import annotations

import pytest
from tests.contract.store.samples import START, Clock

from headgate.store import Store, audit
from headgate.store.audit import Actor, AuditFilter

ANN = Actor("ann", "req-1")


def test_entry_tells_who_did_what_to_what_in_which_request(store: Store, clock: Clock) -> None:
    clock.advance(seconds=5)
    store.audit.record(ANN, "server_started", "server", {"port": 8600})
    (entry,) = store.audit.list()
    assert (entry.actor, entry.action, entry.subject) == ("ann", "server_started", "server")
    assert (entry.request_id, entry.data) == ("req-1", {"port": 8600})
    assert (entry.at - START).total_seconds() == 5


def test_entry_is_there_only_where_its_change_was_committed(store: Store) -> None:
    def change(*, fails: bool) -> None:
        with store.database.write() as connection:
            audit.add(connection, store.now_micros(), ANN, "token_created", "token/1")
            if fails:
                raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        change(fails=True)
    assert store.audit.list() == []
    change(fails=False)
    assert len(store.audit.list()) == 1


def test_entries_are_found_by_actor_action_and_subject_newest_first(store: Store) -> None:
    for number in range(12):
        actor = Actor("ann" if number % 2 else "bob")
        store.audit.record(actor, f"action_{number % 3}", f"token/{number % 4}", {"n": number})

    def numbers(**which: str) -> list[int]:
        return [entry.data["n"] for entry in store.audit.list(AuditFilter(**which))]

    assert numbers() == list(range(11, -1, -1))
    assert numbers(actor="ann") == [11, 9, 7, 5, 3, 1]
    assert numbers(action="action_2") == [11, 8, 5, 2]
    assert numbers(subject="token/3") == [11, 7, 3]
    assert numbers(actor="bob", action="action_0") == [6, 0]
    assert numbers(actor="ann", action="action_1", subject="token/3") == [7]
    assert numbers(actor="nobody") == []


@pytest.mark.parametrize("which", [AuditFilter(), AuditFilter(actor="ann"), AuditFilter(subject="s")])
def test_pages_follow_each_other_while_entries_are_added(store: Store, which: AuditFilter) -> None:
    for number in range(5):
        store.audit.record(ANN, "did", "s", {"n": number})
    first = store.audit.list(which, limit=2)
    store.audit.record(ANN, "did", "s", {"n": 99})
    rest = store.audit.list(which, before_id=first[-1].id, limit=10)
    assert [entry.data["n"] for entry in [*first, *rest]] == [4, 3, 2, 1, 0]
