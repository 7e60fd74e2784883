"""Tokens as they are kept: found by digest, remembered for a moment, revoked at once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from tests.contract.store.conftest import OpenStore
from tests.contract.store.samples import START, Clock

from headgate.errors import NotFound
from headgate.store import Store
from headgate.store.audit import Actor
from headgate.store.tokens import NewToken, Token

ANN = Actor("ann", "req-1")
READ = NewToken("grafana", "read")


def create(store: Store, new: NewToken = READ, digest: str = "d1") -> Token:
    return store.tokens.create(new, digest, by=ANN)


def test_token_is_found_by_its_digest_alone(store: Store) -> None:
    made = create(store)
    assert made == Token(made.id, "grafana", "read", START, "ann")
    assert store.tokens.find("d1") == store.tokens.get(made.id) == made
    assert store.tokens.find("d2") is None
    assert "d1" not in repr(made)


def test_token_belongs_to_a_user_by_name_or_to_a_job(store: Store) -> None:
    user = store.accounts.create("bob", by=ANN)
    of_user = create(store, NewToken("laptop", "run", account_id=user.id), "d1")
    of_job = create(store, NewToken("cron", "run:4", job_id=4), "d2")
    assert (of_user.account_id, of_user.account_name, of_user.job_id) == (user.id, "bob", None)
    assert (of_job.account_id, of_job.account_name, of_job.job_id) == (None, None, 4)
    with pytest.raises(NotFound, match="there is no user 99"):
        create(store, NewToken("x", "run", account_id=99), "d3")


def test_token_holds_until_the_instant_of_its_end(store: Store, clock: Clock) -> None:
    made = create(store, NewToken("x", "read", expires_at=START + timedelta(days=90)))
    assert made.valid(store.now())
    assert store.tokens.list(valid=True) == [made]
    assert made.valid(START + timedelta(days=90, microseconds=-1))
    clock.advance(days=90)
    assert not made.valid(store.now())
    assert store.tokens.list(valid=True) == []
    assert store.tokens.list() == [made]


def test_revoked_token_does_not_hold_at_once_in_this_process(store: Store, clock: Clock) -> None:
    made = create(store)
    assert store.tokens.find("d1") == made
    now = clock.advance(seconds=1)
    revoked = store.tokens.revoke(made.id, by=ANN)
    assert revoked.revoked_at == now
    assert store.tokens.find("d1") == revoked
    clock.advance(seconds=1)
    assert store.tokens.revoke(made.id, by=ANN).revoked_at == now
    with pytest.raises(NotFound):
        store.tokens.revoke(99, by=ANN)


def test_other_process_learns_of_a_revocation_within_five_seconds(
    open_store: OpenStore, store: Store, clock: Clock
) -> None:
    other = open_store()
    made = create(store)
    assert other.tokens.find("d1") == made
    store.tokens.revoke(made.id, by=ANN)
    clock.advance(seconds=4.9)
    assert other.tokens.find("d1") == made
    clock.advance(seconds=0.1)
    found = other.tokens.find("d1")
    assert found is not None
    assert found.revoked_at == START


def test_clock_that_jumps_back_does_not_keep_a_revoked_token(
    open_store: OpenStore, store: Store, clock: Clock
) -> None:
    other = open_store()
    made = create(store)
    clock.advance(hours=1)
    other.tokens.find("d1")
    store.tokens.revoke(made.id, by=ANN)
    clock.advance(minutes=-59)
    found = other.tokens.find("d1")
    assert found is not None
    assert found.revoked_at is not None


def test_last_use_is_written_once_a_minute(store: Store, clock: Clock) -> None:
    made = create(store)
    assert store.tokens.use(made)
    written = store.database.transaction_count
    for _ in range(59):
        clock.advance(seconds=1)
        assert not store.tokens.use(made)
    assert store.database.transaction_count == written
    now = clock.advance(seconds=1)
    assert store.tokens.use(made)
    assert store.tokens.get(made.id).last_used_at == now


def test_two_processes_write_one_use_between_them(open_store: OpenStore, store: Store, clock: Clock) -> None:
    made = create(store)
    clock.advance(minutes=2)
    assert store.tokens.use(made)
    assert not open_store().tokens.use(made)


def test_tokens_are_listed_by_id_page_by_page(store: Store) -> None:
    made = [create(store, NewToken(f"t{n}", "read"), f"d{n}") for n in range(4)]
    revoked = store.tokens.revoke(made[1].id, by=ANN)
    assert store.tokens.list(limit=2) == [made[0], revoked]
    assert store.tokens.list(after_id=made[1].id) == made[2:]
    assert store.tokens.list(valid=True, limit=2) == [made[0], made[2]]
    assert store.tokens.valid_named("t1") == []
    assert store.tokens.valid_named("t2") == [made[2]]


def test_first_token_is_made_only_where_no_admin_has_one(store: Store, clock: Clock) -> None:
    admin = NewToken("admin", "admin", expires_at=START + timedelta(days=1))
    known: list[str] = []

    def first(digest: str) -> Token | None:
        return store.tokens.create_first(admin, digest, by=ANN, before_commit=lambda: known.append(digest))

    create(store, NewToken("x", "deploy run"), "d0")
    assert first("d1") is not None
    assert first("d2") is None
    clock.advance(days=1)
    create(store, NewToken("x", "admin read"), "d3")
    assert first("d4") is None
    assert known == ["d1"]


def test_servers_that_start_together_make_one_first_token(open_store: OpenStore, store: Store) -> None:
    stores = [store, *(open_store() for _ in range(3))]
    barrier = threading.Barrier(len(stores))

    def start(number: int, given: str) -> None:
        barrier.wait()
        admin, host = NewToken("admin", "admin"), Actor("host")
        stores[number].tokens.create_first(admin, f"made {number}", by=host, before_commit=lambda: None)
        stores[number].tokens.create_only(admin, given, by=host)

    with ThreadPoolExecutor(len(stores)) as pool:
        list(pool.map(start, range(len(stores)), ["given"] * len(stores)))
    tokens = store.tokens.list()
    assert [token.revoked_at is None for token in tokens] == [False, True]
    found = store.tokens.find("given")
    assert found == tokens[1]


def test_no_token_is_made_whose_text_cannot_be_told(store: Store) -> None:
    def fail() -> None:
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        store.tokens.create_first(NewToken("admin", "admin"), "d1", by=ANN, before_commit=fail)
    assert (store.tokens.list(), store.audit.list()) == ([], [])


def test_token_in_place_of_all_that_one_made_revokes_them(store: Store) -> None:
    host = Actor("host")
    old = store.tokens.create(NewToken("admin", "admin"), "d1", by=host)
    kept = create(store, digest="d2")
    assert store.tokens.find("d1") == old
    new = store.tokens.create_only(NewToken("admin", "admin"), "d3", by=host)
    assert store.tokens.create_only(NewToken("admin", "admin"), "d3", by=host) == new
    assert store.tokens.list(valid=True) == [kept, new]
    found = store.tokens.find("d1")
    assert found is not None
    assert found.revoked_at == START
    assert store.tokens.create_only(NewToken("admin", "admin"), "d1", by=host).revoked_at == START


def test_changes_are_in_the_audit_trail_without_digests(store: Store) -> None:
    user = store.accounts.create("bob", by=ANN)
    made = create(store, NewToken("laptop", "run", account_id=user.id), "d1g3st")
    store.tokens.revoke(made.id, by=ANN)
    store.tokens.revoke(made.id, by=ANN)
    revoked, created, _ = store.audit.list()
    assert (revoked.action, revoked.subject) == ("token_revoked", f"token/{made.id}")
    assert created.data == {"name": "laptop", "scopes": "run", "user": "bob", "job": None}
    assert (created.actor, created.request_id) == ("ann", "req-1")
    assert "d1g3st" not in str([revoked, created])
