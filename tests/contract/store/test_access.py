"""Tokens from their making to their end, as a server and an admin use them."""

from __future__ import annotations

import stat
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from tests.contract.store.conftest import OpenStore
from tests.contract.store.samples import START, Clock

from headgate.errors import Forbidden, HeadgateError, NotFound, Refused, StateError, Unauthorized, UsageError
from headgate.identity.principal import Administer, Principal, Read, RunJob
from headgate.identity.scopes import parse
from headgate.identity.tokens import PATTERN
from headgate.model.project import Environment
from headgate.model.secret import Secret
from headgate.service import access_bodies
from headgate.service.access import (
    TOKEN_FILE,
    CreatedToken,
    TokenRequest,
    authenticate,
    create_token,
    ensure_admin_token,
    list_audit,
    list_tokens,
    revoke_token,
)
from headgate.service.context import Context
from headgate.service.users import UserRequest, create_user, find_user, list_users, update_user
from headgate.settings import Settings
from headgate.store import Store
from headgate.store.audit import Actor, AuditFilter
from headgate.warehouse.base import Warehouse

GIVEN = Secret("given-by-the-operator")


def no_warehouse(_environment: Environment, _who: str) -> Warehouse:
    raise AssertionError("no warehouse is needed")


@pytest.fixture
def context(store: Store, tmp_path: Path) -> Context:
    return Context(store, Settings(tmp_path), no_warehouse, requested_by="ann", request_id="req-7")


def header(created: CreatedToken) -> str:
    return f"Bearer {created.text.reveal()}"


def refusal(store: Store, sent: str) -> Unauthorized:
    with pytest.raises(Unauthorized) as caught:
        authenticate(store, sent)
    return caught.value


def test_token_says_whose_it_is_and_what_it_may(context: Context) -> None:
    user = create_user(context, UserRequest(name="bob"))
    of_user = create_token(context, TokenRequest("laptop", "run:4  read", user="bob"))
    of_job = create_token(context, TokenRequest("cron", "run:4", job_id=4))
    of_nobody = create_token(context, TokenRequest("grafana", "read"))
    store = context.store
    assert authenticate(store, header(of_user)) == Principal(
        "bob", parse("read run:4"), of_user.token.id, user.id
    )
    assert authenticate(store, header(of_job)).name == "job 4"
    grafana = authenticate(store, header(of_nobody))
    assert grafana.name == "token grafana"
    grafana.require(Read())
    with pytest.raises(Forbidden):
        grafana.require(RunJob(4))


def test_unknown_expired_and_revoked_tokens_are_told_apart(context: Context, clock: Clock) -> None:
    store = context.store
    assert refusal(store, "Bearer hg_unknown").code == "token_unknown"
    short = create_token(context, TokenRequest("short", "read", expires_at=START + timedelta(days=90)))
    authenticate(store, header(short))
    clock.advance(days=90, microseconds=-1)
    authenticate(store, header(short))
    clock.advance(microseconds=1)
    expired = refusal(store, header(short))
    assert (expired.code, expired.message) == (
        "token_expired",
        "the token short expired at 2027-02-19 05:00 UTC",
    )
    other = create_token(context, TokenRequest("other", "read"))
    authenticate(store, header(other))
    revoke_token(context, other.token.id)
    revoked = refusal(store, header(other))
    assert (revoked.code, revoked.message) == ("token_revoked", "the token other was revoked")
    for error, token in ((expired, short), (revoked, other)):
        assert token.text.reveal() not in f"{error} {error.hint}"


def test_known_token_costs_no_statement_and_little_time(context: Context) -> None:
    sent = header(create_token(context, TokenRequest("fast", "read run:4,nightly joblog")))
    authenticate(context.store, sent)
    written = context.store.database.transaction_count
    times = []
    for _ in range(2_000):
        begin = time.perf_counter()
        authenticate(context.store, sent)
        times.append(time.perf_counter() - begin)
    assert sorted(times)[1_000] < 0.0002
    assert context.store.database.transaction_count == written


def test_state_that_cannot_take_a_note_keeps_nobody_out(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = header(create_token(context, TokenRequest("x", "read")))

    def locked() -> None:
        raise StateError("state_locked", "locked")

    context.store.tokens.find(sent)
    monkeypatch.setattr(context.store.database, "write", locked)
    assert authenticate(context.store, sent).name == "token x"


def test_last_use_shows_in_the_list(context: Context, clock: Clock) -> None:
    created = create_token(context, TokenRequest("x", "read"))
    now = clock.advance(minutes=10)
    authenticate(context.store, header(created))
    assert list_tokens(context).items[0].last_used_at == now


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (TokenRequest("x", "raed"), "scope_unknown"),
        (TokenRequest("x", ""), "scope_syntax"),
        (TokenRequest(" ", "read"), "name_invalid"),
        (TokenRequest("a\nb", "read"), "name_invalid"),
        (TokenRequest("x" * 101, "read"), "name_invalid"),
        (TokenRequest("x", "read", user="bob", job_id=4), "token_owner_ambiguous"),
        (TokenRequest("x", "read", user="nobody"), "user_not_found"),
        (TokenRequest("x", "read", expires_at=START), "expiry_invalid"),
    ],
)
def test_token_that_cannot_be_made_is_refused_and_leaves_nothing(
    context: Context, request_: TokenRequest, code: str
) -> None:
    with pytest.raises(HeadgateError) as caught:
        create_token(context, request_)
    assert caught.value.code == code
    assert list_tokens(context).items == ()


def test_token_is_revoked_by_id_or_by_a_name_that_one_has(context: Context) -> None:
    first, second, third = (create_token(context, TokenRequest(name, "read")) for name in ("a", "b", "b"))
    assert revoke_token(context, "a").id == first.token.id
    with pytest.raises(Refused) as caught:
        revoke_token(context, "b")
    assert caught.value.hint == f"by id: {second.token.id}, {third.token.id}"
    revoke_token(context, second.token.id)
    assert revoke_token(context, "b").id == third.token.id
    with pytest.raises(NotFound, match="no valid token has the name b"):
        revoke_token(context, "b")
    assert list_tokens(context, valid=True).items == ()
    assert len(list_tokens(context).items) == 3


def test_lists_come_in_pages(context: Context) -> None:
    for number in range(5):
        create_token(context, TokenRequest(f"t{number}", "read"))
        create_user(context, UserRequest(name=f"u{number}"))
    tokens = list_tokens(context, limit=3)
    assert [one.name for one in tokens.items] == ["t0", "t1", "t2"]
    rest = list_tokens(context, limit=3, starting_from=tokens.next)
    assert ([one.name for one in rest.items], rest.next) == (["t3", "t4"], None)
    users = list_users(context, limit=4)
    assert [one.name for one in list_users(context, starting_from=users.next).items] == ["u4"]
    entries = list_audit(context, AuditFilter(action="user_created"), limit=2)
    assert len(list_audit(context, AuditFilter(action="user_created"), starting_from=entries.next).items) == 3
    for bad in ("x", "-1", "9" * 30):
        with pytest.raises(UsageError) as caught:
            list_tokens(context, starting_from=bad)
        assert caught.value.code == "key_invalid"


def test_who_asked_stands_in_the_audit_trail_with_the_request(context: Context) -> None:
    created = create_token(context, TokenRequest("x", "read"))
    (entry,) = list_audit(context).items
    assert access_bodies.audit_body(entry) == {
        "id": entry.id,
        "at": "2026-11-21T05:00:00Z",
        "actor": "ann",
        "action": "token_created",
        "subject": f"token/{created.token.id}",
        "requestID": "req-7",
        "data": {"name": "x", "scopes": "read", "user": None, "job": None},
    }
    create_token(replace(context, requested_by=""), TokenRequest("y", "read"))
    assert list_audit(context).items[0].actor == "unknown"


def test_only_the_answer_to_its_making_holds_the_text_of_a_token(context: Context) -> None:
    created = create_token(context, TokenRequest("x", "read", expires_at=START + timedelta(days=1)))
    text, now = created.text.reveal(), context.store.now()
    assert access_bodies.created_token_body(created, now)["token"] == text
    body = access_bodies.token_body(created.token, now)
    assert body["status"] == "valid"
    assert text not in f"{body} {created} {list_tokens(context)} {list_audit(context)}"
    assert access_bodies.token_status(created.token, now + timedelta(days=2)) == "expired"
    assert access_bodies.token_status(revoke_token(context, created.token.id), now) == "revoked"


# --- the first token ------------------------------------------------------------------------------------


def admin_of(store: Store, text: str) -> Principal:
    found = authenticate(store, f"Bearer {text}")
    found.require(Administer())
    return found


def test_first_start_makes_a_token_in_a_file_for_its_owner_alone(store: Store, tmp_path: Path) -> None:
    made = ensure_admin_token(store, tmp_path, None)
    path = tmp_path / TOKEN_FILE
    assert (made.kind, made.path, made.message) == ("made", path, f"the admin's token is in {path}")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    text = path.read_text().strip()
    assert PATTERN.fullmatch(text)
    admin_of(store, text)
    again = ensure_admin_token(store, tmp_path, None)
    assert (again.kind, again.path) == ("kept", path)
    assert path.read_text().strip() == text
    assert len(store.tokens.list()) == 1


def test_file_of_another_state_is_not_said_to_hold_the_token(
    store: Store, context: Context, tmp_path: Path
) -> None:
    path = tmp_path / TOKEN_FILE
    path.write_text("hg_of_another_state\n")
    create_token(context, TokenRequest("mine", "admin"))
    kept = ensure_admin_token(store, tmp_path, None)
    assert (kept.kind, kept.path) == ("kept", None)
    assert "--scope admin --server local" in kept.message
    revoke_token(context, "mine")
    assert ensure_admin_token(store, tmp_path, None).kind == "made"
    admin_of(store, path.read_text().strip())


def test_given_token_takes_the_place_of_what_was_made(store: Store, context: Context, tmp_path: Path) -> None:
    ensure_admin_token(store, tmp_path, None)
    text = (tmp_path / TOKEN_FILE).read_text().strip()
    own = create_token(context, TokenRequest("own", "admin"))
    admin_of(store, text)
    assert ensure_admin_token(store, tmp_path, GIVEN).kind == "given"
    assert ensure_admin_token(store, tmp_path, GIVEN).kind == "given"
    admin_of(store, GIVEN.reveal())
    admin_of(store, own.text.reveal())
    assert refusal(store, f"Bearer {text}").code == "token_revoked"
    assert not (tmp_path / TOKEN_FILE).exists()
    assert len(store.tokens.list(valid=True)) == 2
    ensure_admin_token(store, tmp_path, Secret("another-given-one"))
    assert refusal(store, f"Bearer {GIVEN.reveal()}").code == "token_revoked"


def test_given_token_that_was_revoked_stays_so(store: Store, context: Context, tmp_path: Path) -> None:
    ensure_admin_token(store, tmp_path, GIVEN)
    revoke_token(context, "admin")
    with pytest.raises(Refused) as caught:
        ensure_admin_token(store, tmp_path, GIVEN)
    assert caught.value.code == "admin_token_revoked"
    assert GIVEN.reveal() not in f"{caught.value} {caught.value.hint}"
    assert store.tokens.list(valid=True) == []


def test_no_token_is_made_where_its_file_cannot_be_written(store: Store, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StateError, match="cannot write"):
        ensure_admin_token(store, tmp_path / "file", None)
    assert store.tokens.list() == []


# --- users ----------------------------------------------------------------------------------------------


def test_user_is_found_by_id_or_name_and_changed_in_part(context: Context) -> None:
    made = create_user(context, UserRequest(name=" bob ", email="bob@example.com"))
    assert find_user(context, str(made.id)) == find_user(context, "bob") == made
    changed = update_user(context, "bob", UserRequest(email=""))
    assert (changed.name, changed.email) == ("bob", None)
    assert access_bodies.user_body(changed) == {
        "id": made.id,
        "name": "bob",
        "email": None,
        "notify": [],
        "createdAt": "2026-11-21T05:00:00Z",
    }


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (UserRequest(), "name_invalid"),
        (UserRequest(name=""), "name_invalid"),
        (UserRequest(name="12"), "name_invalid"),
        (UserRequest(name="bob", email="bob"), "email_invalid"),
        (UserRequest(name="bob", email="b o b@example.com"), "email_invalid"),
        (UserRequest(name="bob", notify=(Secret("bob@example.com"),)), "notify_invalid"),
        (UserRequest(name="bob", notify=(Secret("file:///etc/passwd"),)), "notify_invalid"),
    ],
)
def test_user_that_cannot_be_made_is_refused(context: Context, request_: UserRequest, code: str) -> None:
    with pytest.raises(UsageError) as caught:
        create_user(context, request_)
    assert caught.value.code == code
    assert list_users(context).items == ()


# --- the canary -----------------------------------------------------------------------------------------


def test_no_text_of_a_token_is_in_the_state(open_store: OpenStore, context: Context, tmp_path: Path) -> None:
    created = create_token(context, TokenRequest("x", "admin"))
    ensure_admin_token(context.store, tmp_path, GIVEN)
    authenticate(context.store, header(created))
    revoke_token(context, created.token.id)
    texts = (created.text.reveal(), GIVEN.reveal())
    content = everything_in(context.store)
    assert content
    assert [text for text in texts if text.encode() in content] == []


def everything_in(store: Store) -> bytes:
    """All bytes of the state: its files, or its rows where a server has the files."""
    if isinstance(store.where, Path):
        return b"".join(path.read_bytes() for path in store.where.parent.glob(f"{store.where.name}*"))
    found = b""
    with store.database.read() as connection:
        for table in ("token", "account", "secret", "audit", "event"):
            found += repr(connection.rows(f"SELECT * FROM {table}")).encode()
    return found


def test_actor_is_who_and_in_which_request() -> None:
    assert Actor("ann") == Actor("ann", "")
