"""The texts of tokens, and the header that brings one."""

from __future__ import annotations

import pytest

from headgate.errors import Unauthorized
from headgate.identity.tokens import PATTERN, bearer, digest_of, new_token
from headgate.model.secret import Secret


def test_tokens_differ_and_have_one_form() -> None:
    texts = {new_token().reveal() for _ in range(200)}
    assert len(texts) == 200
    assert all(PATTERN.fullmatch(text) for text in texts)


def test_digest_is_sha256_of_the_text() -> None:
    assert digest_of(Secret("abc")) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_header_gives_its_token() -> None:
    for header in ("Bearer hg_x", "bearer hg_x", "  BEARER   hg_x  "):
        assert bearer(header) == Secret("hg_x")


@pytest.mark.parametrize("header", [None, "", "  "])
def test_request_without_a_header_needs_a_token(header: str | None) -> None:
    with pytest.raises(Unauthorized) as caught:
        bearer(header)
    assert caught.value.code == "token_missing"
    assert caught.value.http_status == 401


@pytest.mark.parametrize("header", ["hg_x", "Basic dTpw", "Bearer é", f"Bearer {'x' * 513}"])
def test_header_of_another_form_is_refused_without_showing_it(header: str) -> None:
    with pytest.raises(Unauthorized) as caught:
        bearer(header)
    assert caught.value.code == "token_malformed"
    assert header not in f"{caught.value} {caught.value.hint}"
