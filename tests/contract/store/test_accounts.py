"""Users as they are kept."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.contract.store.conftest import OpenStore
from tests.contract.store.samples import START

from headgate.errors import NotFound, Refused
from headgate.store import Store
from headgate.store.accounts import Account, AccountChange, NotifyAddress
from headgate.store.audit import Actor

ANN = Actor("ann", "req-1")
MAIL = NotifyAddress("mailto", "gAAAA-sealed")


def test_user_is_read_back_as_made(store: Store) -> None:
    made = store.accounts.create("bob", by=ANN, email="bob@example.com", notify=[MAIL])
    assert made == Account(made.id, "bob", START, "bob@example.com", (MAIL,))
    assert store.accounts.get(made.id) == made
    assert store.accounts.get("bob") == made


def test_name_belongs_to_one_user(store: Store) -> None:
    store.accounts.create("bob", by=ANN)
    other = store.accounts.create("eve", by=ANN)
    with pytest.raises(Refused, match="there is a user bob already") as caught:
        store.accounts.create("bob", by=ANN)
    assert caught.value.code == "user_exists"
    with pytest.raises(Refused):
        store.accounts.update(other.id, AccountChange(name="bob"), by=ANN)
    assert store.accounts.get(other.id).name == "eve"


def test_change_sets_what_it_names_and_leaves_the_rest(store: Store) -> None:
    made = store.accounts.create("bob", by=ANN, email="bob@example.com", notify=[MAIL])
    changed = store.accounts.update(made.id, AccountChange(name="robert"), by=ANN)
    assert changed == Account(made.id, "robert", START, "bob@example.com", (MAIL,))
    changed = store.accounts.update("robert", AccountChange(email="", notify=()), by=ANN)
    assert changed == store.accounts.get(made.id) == Account(made.id, "robert", START)


def test_changes_at_the_same_time_are_all_kept(open_store: OpenStore, store: Store) -> None:
    made = store.accounts.create("bob", by=ANN)
    other = open_store()

    def change(change_: AccountChange) -> None:
        (store if change_.email else other).accounts.update(made.id, change_, by=ANN)

    for number in range(10):
        wanted = [AccountChange(email=f"b{number}@example.com"), AccountChange(name=f"bob{number}")]
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(change, wanted))
        account = store.accounts.get(made.id)
        assert (account.name, account.email) == (f"bob{number}", f"b{number}@example.com")


def test_unknown_user_is_not_found_and_the_nearest_offered(store: Store) -> None:
    store.accounts.create("robert", by=ANN)
    with pytest.raises(NotFound) as caught:
        store.accounts.get("rober")
    assert (caught.value.code, caught.value.hint) == ("user_not_found", "did you mean robert?")
    with pytest.raises(NotFound):
        store.accounts.get(99)
    with pytest.raises(NotFound):
        store.accounts.update(99, AccountChange(name="x"), by=ANN)


def test_users_are_listed_by_id_page_by_page(store: Store) -> None:
    made = [store.accounts.create(name, by=ANN) for name in ("c", "a", "b")]
    assert store.accounts.list(limit=2) == made[:2]
    assert store.accounts.list(after_id=made[1].id) == made[2:]


def test_changes_are_in_the_audit_trail_without_addresses(store: Store) -> None:
    made = store.accounts.create("bob", by=ANN, notify=[MAIL])
    store.accounts.update(made.id, AccountChange(email="b@example.com", notify=[MAIL]), by=ANN)
    changed, created = store.audit.list()
    assert (created.action, created.subject, created.actor) == ("user_created", f"user/{made.id}", "ann")
    assert changed.data == {"name": "bob", "changed": ["email", "notify"]}
    assert "sealed" not in str([created, changed])
