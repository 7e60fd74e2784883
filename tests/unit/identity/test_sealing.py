"""Sealed secrets: what opens them, what does not, and where the key comes from."""

from __future__ import annotations

import base64
import stat
from pathlib import Path

import pytest

from headgate.errors import HeadgateError, Refused, StateError, UsageError
from headgate.identity.keyring import KEY_FILE, read_keys, sealer, write_keys
from headgate.identity.sealing import Sealer, new_key
from headgate.model.secret import Secret

VALUE = Secret("pa55w0rd-of-the-warehouse")


def test_what_is_sealed_opens_under_its_name_and_shows_nothing() -> None:
    keys = Sealer([new_key()], "the key")
    sealed = keys.seal("PG", VALUE)
    assert keys.open("PG", sealed) == VALUE
    assert VALUE.reveal().encode() not in base64.urlsafe_b64decode(sealed)
    assert keys.seal("PG", VALUE) != sealed


def test_other_key_is_a_clear_error_without_the_value() -> None:
    sealed = Sealer([new_key()], "the key").seal("PG", VALUE)
    with pytest.raises(StateError) as caught:
        Sealer([new_key()], "HEADGATE_SECRET_KEY").open("PG", sealed)
    assert caught.value.code == "secret_key_wrong"
    assert caught.value.message == (
        "the secret PG was sealed with another key than HEADGATE_SECRET_KEY holds"
    )
    assert caught.value.__cause__ is None


def test_secret_put_under_another_name_is_noticed() -> None:
    keys = Sealer([new_key()], "the key")
    with pytest.raises(StateError, match="sealed under another name") as caught:
        keys.open("PG_DEV", keys.seal("PG_PROD", VALUE))
    assert caught.value.code == "secret_swapped"


def test_damaged_secret_is_not_opened() -> None:
    keys = Sealer([new_key()], "the key")
    sealed = bytearray(keys.seal("PG", VALUE))
    sealed[40] = ord("A") if sealed[40] != ord("A") else ord("B")
    with pytest.raises(StateError):
        keys.open("PG", bytes(sealed))


def test_old_key_opens_until_everything_is_sealed_again() -> None:
    old, new = new_key(), new_key()
    sealed = Sealer([old], "the key").seal("PG", VALUE)
    both = Sealer([new, old], "the keys")
    assert both.open("PG", sealed) == VALUE
    assert not both.sealed_first(sealed)
    again = both.seal_again("PG", sealed)
    assert both.sealed_first(again)
    assert Sealer([new], "the key").open("PG", again) == VALUE


@pytest.mark.parametrize("keys", ["short", "not base 64 at all, and long enough to be a key!", ","])
def test_key_of_another_form_is_refused_without_showing_it(keys: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        sealer(Secret(keys), tmp_path, may_make=True)
    assert caught.value.code == "secret_key_invalid"
    assert "openssl rand -base64 32" in caught.value.hint
    assert keys == "," or keys not in f"{caught.value}{caught.value.hint}"


def test_key_in_either_alphabet_of_base_64_is_taken(tmp_path: Path) -> None:
    raw = b"\xfb\xff" * 16
    plain, for_urls = base64.b64encode(raw), base64.urlsafe_b64encode(raw)
    assert plain != for_urls
    sealed = sealer(Secret(plain.decode()), None, may_make=True).seal("PG", VALUE)
    assert sealer(Secret(f" {for_urls.decode()} "), None, may_make=False).open("PG", sealed) == VALUE


def test_file_with_a_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    sealed = sealer(None, tmp_path, may_make=True).seal("PG", VALUE)
    path = tmp_path / KEY_FILE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert sealer(None, tmp_path, may_make=False).open("PG", sealed) == VALUE
    assert [file.name for file in tmp_path.iterdir()] == [KEY_FILE]


def test_setting_comes_before_the_file_and_makes_none(tmp_path: Path) -> None:
    assert sealer(new_key(), tmp_path, may_make=True).source == "HEADGATE_SECRET_KEY"
    assert list(tmp_path.iterdir()) == []


def test_state_that_machines_share_needs_a_key_of_its_own() -> None:
    with pytest.raises(Refused, match="HEADGATE_SECRET_KEY") as caught:
        sealer(None, None, may_make=True)
    assert caught.value.code == "secret_key_needed"


def test_no_new_key_is_made_where_secrets_are_sealed_with_one_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(StateError) as caught:
        sealer(None, tmp_path, may_make=False)
    assert caught.value.code == "secret_key_gone"
    assert str(tmp_path / KEY_FILE) in caught.value.message
    assert list(tmp_path.iterdir()) == []


def test_file_that_cannot_be_read_or_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="cannot write"):
        sealer(None, Path("/proc/state"), may_make=True)  # where nobody can make a folder, root neither
    (tmp_path / KEY_FILE).mkdir()
    with pytest.raises(HeadgateError) as caught:
        sealer(None, tmp_path, may_make=True)
    assert caught.value.code == "secret_key_unreadable"


def test_keys_are_written_and_read_in_their_order(tmp_path: Path) -> None:
    keys = [new_key(), new_key()]
    write_keys(tmp_path / KEY_FILE, keys)
    assert read_keys(tmp_path / KEY_FILE) == keys
