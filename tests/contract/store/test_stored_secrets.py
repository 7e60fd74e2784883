"""Stored secrets as an admin sets them and a connection uses them: sealed in between."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.contract.store.samples import Clock
from tests.contract.store.test_access import everything_in, no_warehouse

from headgate.errors import HeadgateError, NotFound, StateError, UsageError
from headgate.identity.keyring import KEY_FILE, read_keys
from headgate.identity.redaction import Redactor, process_redactor
from headgate.identity.sealing import new_key
from headgate.model.secret import Secret
from headgate.service.access_bodies import secret_body, user_body
from headgate.service.context import Context
from headgate.service.secrets import (
    Rotation,
    delete_secret,
    list_secrets,
    open_addresses,
    resolver,
    rotate_secrets,
    set_secret,
)
from headgate.service.users import UserRequest, create_user, find_user
from headgate.settings import load
from headgate.store import Store

CANARY = Secret("c4n4ry-in-the-mine")
MAIL = Secret("mailto://bob:m41l-canary@example.com")


def context_of(store: Store, tmp_path: Path, **environ: str) -> Context:
    settings = load(tmp_path, environ={"HOME": str(tmp_path), **environ})
    return Context(store, settings, no_warehouse, requested_by="ann")


@pytest.fixture
def key() -> str:
    return new_key().reveal()


@pytest.fixture
def context(store: Store, tmp_path: Path, key: str) -> Context:
    return context_of(store, tmp_path, HEADGATE_SECRET_KEY=key)


def resolved(context: Context, text: str) -> str:
    return resolver(context.settings, context.store, Redactor())(text)


def test_secret_that_is_set_is_used_and_not_told(context: Context) -> None:
    row = set_secret(context, "PG", CANARY)
    assert resolved(context, "u:${secret:PG}@db") == "u:c4n4ry-in-the-mine@db"
    assert secret_body(row) == {"name": "PG", "updatedAt": "2026-11-21T05:00:00Z", "updatedBy": "ann"}
    assert list_secrets(context).items == (row,)


def test_variable_comes_before_what_is_stored(store: Store, tmp_path: Path, key: str) -> None:
    context = context_of(store, tmp_path, HEADGATE_SECRET_KEY=key, HEADGATE_SECRET_PG="from the variable")
    set_secret(context, "PG", CANARY)
    assert resolved(context, "${secret:PG}") == "from the variable"


def test_secret_that_nobody_set_is_missing(context: Context) -> None:
    with pytest.raises(UsageError) as caught:
        resolved(context, "${secret:PG}")
    assert caught.value.code == "secret_missing"
    set_secret(context, "PG", CANARY)
    delete_secret(context, "PG")
    with pytest.raises(UsageError):
        resolved(context, "${secret:PG}")
    with pytest.raises(NotFound):
        delete_secret(context, "PG")


def test_what_is_resolved_is_taken_out_of_texts_from_then_on(context: Context) -> None:
    set_secret(context, "PG", CANARY)
    redactor = Redactor()
    resolver(context.settings, context.store, redactor)("${secret:PG}")
    assert redactor.redact("no user c4n4ry-in-the-mine") == "no user ***"


def test_values_that_are_set_and_keys_that_are_used_are_taken_out_of_texts(context: Context) -> None:
    set_secret(context, "PG", Secret("another-c4n4ry"))
    key = context.settings.secret_key
    assert key is not None
    assert process_redactor.redact(f"{key.reveal()} and another-c4n4ry") == "*** and ***"


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("KEY", "x", "secret_name_invalid"),
        ("", "x", "secret_name_invalid"),
        ("1A", "x", "secret_name_invalid"),
        ("A-B", "x", "secret_name_invalid"),
        ("user:notify", "x", "secret_name_invalid"),
        ("A" * 101, "x", "secret_name_invalid"),
        ("PG", "", "secret_value_invalid"),
        ("PG", "ü" * 32_769, "secret_value_invalid"),
    ],
)
def test_secret_that_cannot_be_kept_is_refused(context: Context, name: str, value: str, code: str) -> None:
    with pytest.raises(UsageError) as caught:
        set_secret(context, name, Secret(value))
    assert caught.value.code == code
    assert list_secrets(context).items == ()


def test_secrets_are_listed_page_by_page(context: Context) -> None:
    for name in ("C", "A", "B"):
        set_secret(context, name, CANARY)
    page = list_secrets(context, limit=2)
    assert ([one.name for one in page.items], page.next) == (["A", "B"], "B")
    assert [one.name for one in list_secrets(context, starting_from=page.next).items] == ["C"]


# --- keys -----------------------------------------------------------------------------------------------


def test_other_key_opens_nothing_and_the_error_says_what_to_do(
    store: Store, context: Context, tmp_path: Path
) -> None:
    set_secret(context, "PG", CANARY)
    other = context_of(store, tmp_path, HEADGATE_SECRET_KEY=new_key().reveal())
    with pytest.raises(StateError) as caught:
        resolved(other, "${secret:PG}")
    assert caught.value.code == "secret_key_wrong"
    assert "HEADGATE_SECRET_KEY" in caught.value.message
    assert "headgate secret set PG" in caught.value.hint
    with pytest.raises(StateError):
        rotate_secrets(other)
    assert resolved(context, "${secret:PG}") == CANARY.reveal()


def test_rotation_puts_everything_under_the_first_of_several_keys(
    store: Store, context: Context, tmp_path: Path, key: str
) -> None:
    set_secret(context, "PG", CANARY)
    create_user(context, UserRequest(name="bob", notify=(MAIL,)))
    new = new_key().reveal()
    both = context_of(store, tmp_path, HEADGATE_SECRET_KEY=f"{new},{key}")
    assert resolved(both, "${secret:PG}") == CANARY.reveal()
    assert rotate_secrets(both) == Rotation(1, "HEADGATE_SECRET_KEY", made=False)
    alone = context_of(store, tmp_path, HEADGATE_SECRET_KEY=new)
    assert resolved(alone, "${secret:PG}") == CANARY.reveal()
    assert open_addresses(alone.settings, store, find_user(alone, "bob")) == (MAIL,)
    with pytest.raises(StateError):
        resolved(context, "${secret:PG}")


def test_state_on_this_machine_has_a_key_beside_it_and_a_shared_one_asks_for_it(
    store: Store, tmp_path: Path
) -> None:
    context = context_of(store, tmp_path)
    if not isinstance(store.where, Path):
        with pytest.raises(HeadgateError) as caught:
            set_secret(context, "PG", CANARY)
        assert caught.value.code == "secret_key_needed"
        return
    set_secret(context, "PG", CANARY)
    path = store.where.parent / KEY_FILE
    (old,) = read_keys(path)
    assert rotate_secrets(context) == Rotation(1, str(path), made=True)
    (new,) = read_keys(path)
    assert new != old
    assert resolved(context, "${secret:PG}") == CANARY.reveal()
    path.unlink()
    for use in (lambda: resolved(context, "${secret:PG}"), lambda: set_secret(context, "B", CANARY)):
        with pytest.raises(StateError) as gone:
            use()
        assert gone.value.code == "secret_key_gone"


def test_rotation_that_is_cut_off_loses_nothing(store: Store, tmp_path: Path, clock: Clock) -> None:
    if not isinstance(store.where, Path):
        return  # a shared state has no key file to replace
    context = context_of(store, tmp_path)
    set_secret(context, "PG", CANARY)
    path = store.where.parent / KEY_FILE
    (old,) = read_keys(path)
    path.write_text(f"{new_key().reveal()}\n{old.reveal()}\n")  # as it is before everything is sealed again
    assert resolved(context, "${secret:PG}") == CANARY.reveal()
    rotate_secrets(context)
    assert len(read_keys(path)) == 1
    assert resolved(context, "${secret:PG}") == CANARY.reveal()


# --- the canary -----------------------------------------------------------------------------------------


def test_no_secret_is_in_the_state_or_in_what_is_told(context: Context) -> None:
    set_secret(context, "PG", Secret("first-canary"))
    set_secret(context, "PG", CANARY)
    account = create_user(context, UserRequest(name="bob", notify=(MAIL,)))
    rotate_secrets(context)
    told = f"{list_secrets(context)} {account} {user_body(account)} {context.store.audit.list()} {context}"
    assert user_body(account)["notify"] == ["mailto://***"]
    content = everything_in(context.store) + told.encode()
    key = context.settings.secret_key
    assert key is not None
    for hidden in (b"c4n4ry", b"first-canary", b"m41l-canary", key.reveal().encode()):
        assert hidden not in content
