"""Secrets as they are kept: sealed by whoever calls, whole, and told of by name only."""

from __future__ import annotations

import pytest
from tests.contract.store.samples import START, Clock

from headgate.errors import NotFound
from headgate.store import Store
from headgate.store.accounts import NotifyAddress
from headgate.store.audit import Actor
from headgate.store.secrets import NOTIFY, SecretRow

ANN, BOB = Actor("ann"), Actor("bob")


def test_what_is_sealed_is_kept_byte_for_byte(store: Store) -> None:
    sealed = bytes(range(256))
    store.secrets.put("PG", sealed, by=ANN)
    assert store.secrets.sealed("PG") == sealed
    assert store.secrets.sealed("OTHER") is None


def test_secret_set_again_has_the_new_value_and_says_who_set_it(store: Store, clock: Clock) -> None:
    store.secrets.put("PG", b"one", by=ANN)
    now = clock.advance(hours=1)
    assert store.secrets.put("PG", b"two", by=BOB) == SecretRow("PG", now, "bob")
    assert store.secrets.sealed("PG") == b"two"
    assert store.secrets.list() == [SecretRow("PG", now, "bob")]


def test_secrets_are_listed_by_name_page_by_page(store: Store) -> None:
    for name in ("C", "A", "B"):
        store.secrets.put(name, b"x", by=ANN)
    assert store.secrets.list(limit=2) == [SecretRow("A", START, "ann"), SecretRow("B", START, "ann")]
    assert [one.name for one in store.secrets.list(after_name="B")] == ["C"]


def test_deleted_secret_is_gone_and_an_unknown_one_is_not_found(store: Store) -> None:
    store.secrets.put("PG_PROD", b"x", by=ANN)
    with pytest.raises(NotFound) as caught:
        store.secrets.delete("PG_PRD", by=ANN)
    assert (caught.value.code, caught.value.hint) == ("secret_not_found", "did you mean PG_PROD?")
    store.secrets.delete("PG_PROD", by=ANN)
    assert store.secrets.sealed("PG_PROD") is None
    assert store.secrets.list() == []


def test_new_key_is_put_under_everything_or_nothing(store: Store) -> None:
    store.secrets.put("A", b"a1", by=ANN)
    store.secrets.put("B", b"b1", by=ANN)
    user = store.accounts.create("bob", by=ANN, notify=[NotifyAddress("mailto", "m1")])

    def refused(name: str, sealed: bytes) -> bytes:
        if name == "B":
            raise ValueError("another key")
        return sealed + b"2"

    with pytest.raises(ValueError, match="another key"):
        store.secrets.seal_again(refused, by=ANN)
    assert (store.secrets.sealed("A"), store.secrets.sealed("B")) == (b"a1", b"b1")

    names = []

    def again(name: str, sealed: bytes) -> bytes:
        names.append(name)
        return sealed + b"2"

    assert store.secrets.seal_again(again, by=ANN) == 2
    assert names == ["A", "B", NOTIFY]
    assert (store.secrets.sealed("A"), store.secrets.sealed("B")) == (b"a12", b"b12")
    assert store.accounts.get(user.id).notify == (NotifyAddress("mailto", "m12"),)


def test_whether_anything_is_sealed_is_known(store: Store) -> None:
    assert not store.secrets.any_sealed()
    user = store.accounts.create("bob", by=ANN)
    assert not store.secrets.any_sealed()
    store.secrets.put("A", b"x", by=ANN)
    assert store.secrets.any_sealed()
    store.secrets.delete("A", by=ANN)
    store.accounts.create("eve", by=ANN, notify=[NotifyAddress("mailto", "m")])
    assert store.secrets.any_sealed()
    assert user.notify == ()


def test_changes_are_in_the_audit_trail_without_values(store: Store) -> None:
    store.secrets.put("PG", b"sealed", by=ANN)
    store.secrets.seal_again(lambda _, sealed: sealed, by=ANN)
    store.secrets.delete("PG", by=BOB)
    told = [(entry.actor, entry.action, entry.subject, entry.data) for entry in store.audit.list()]
    assert told == [
        ("bob", "secret_deleted", "secret/PG", {}),
        ("ann", "secrets_rotated", "secret", {"count": 1}),
        ("ann", "secret_set", "secret/PG", {}),
    ]
