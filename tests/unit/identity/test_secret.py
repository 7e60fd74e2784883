"""A secret shows itself to nobody who does not ask for it by name."""

from __future__ import annotations

import copy
import pickle
import traceback
from dataclasses import dataclass

import msgspec
import pytest

from headgate.model.secret import Secret

CANARY = "c4n4ry-in-the-mine"


@dataclass(frozen=True, slots=True)
class Holder:
    secret: Secret


def test_secret_prints_as_stars() -> None:
    secret = Secret(CANARY)
    for text in (
        str(secret),
        repr(secret),
        f"{secret}",
        f"{secret!r:>9}",
        f"{[secret]}",
        repr(Holder(secret)),
    ):
        assert CANARY not in text
        assert "***" in text
    assert secret.reveal() == CANARY


def test_secret_is_not_written_by_an_encoder() -> None:
    with pytest.raises(TypeError):
        msgspec.json.encode(Holder(Secret(CANARY)))
    assert msgspec.json.encode(Holder(Secret(CANARY)), enc_hook=str) == b'{"secret":"***"}'
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(Secret(CANARY))
    with pytest.raises(TypeError, match="cannot be pickled"):
        copy.copy(Secret(CANARY))


def test_secrets_are_compared_by_what_they_hold() -> None:
    assert Secret(CANARY) == Secret(CANARY)
    assert Secret(CANARY) != Secret("another")
    assert Secret(CANARY) != CANARY
    assert len({Secret(CANARY), Secret(CANARY), Secret("ü")}) == 2


def test_traceback_of_a_mistake_with_a_secret_does_not_show_it() -> None:
    with pytest.raises(TypeError) as caught:
        Secret(CANARY) + "x"  # type: ignore[operator]
    assert CANARY not in "".join(traceback.format_exception(caught.value))
