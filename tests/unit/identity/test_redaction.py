"""The net: whatever spelling a secret has in a text, it does not leave."""

from __future__ import annotations

import io
import json
import logging
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.errors import StatementFailed
from headgate.identity.redaction import SHORTEST, Redactor
from headgate.identity.tokens import new_token
from headgate.model.secret import Secret

CANARY = "c4n4ry p@ss/w0rd'\"ü"


@pytest.fixture
def redactor() -> Redactor:
    made = Redactor()
    made.add(Secret(CANARY))
    return made


@pytest.mark.parametrize(
    "spelled",
    [
        CANARY,
        quote(CANARY),
        quote(CANARY, safe=""),
        quote_plus(CANARY),
        json.dumps(CANARY),
        json.dumps(CANARY, ensure_ascii=False),
        repr(CANARY),
        "'" + CANARY.replace("'", "''") + "'",
    ],
)
def test_secret_is_taken_out_however_it_is_spelled(redactor: Redactor, spelled: str) -> None:
    text = redactor.redact(f'connection to "{spelled}" failed')
    assert "c4n4ry" not in text
    assert "w0rd" not in text
    assert text.startswith('connection to "')
    assert text.endswith('" failed')


@given(st.text(min_size=SHORTEST, max_size=30), st.text(max_size=20), st.text(max_size=20))
def test_no_secret_is_left_in_any_text(secret: str, before: str, after: str) -> None:
    redactor = Redactor()
    redactor.add(secret)
    assert secret not in redactor.redact(before + secret + after).replace("***", "\0")


def test_longer_secret_goes_whole_where_a_shorter_one_begins_it() -> None:
    redactor = Redactor()
    redactor.add("hush")
    redactor.add("hush-hush-hush!")
    assert redactor.redact("it is hush-hush-hush! or hush") == "it is *** or ***"


def test_password_inside_a_secret_connection_string_goes_too() -> None:
    redactor = Redactor()
    redactor.add("postgres://ann:0p3n%2Fs3same@db:5432/dw")
    redactor.add("host=db user=ann password='s3v3n s3als' dbname=dw")
    text = redactor.redact("no password 0p3n%2Fs3same or 0p3n/s3same or s3v3n s3als for user ann on db")
    assert text == "no password *** or *** or *** for user ann on db"


def test_line_of_a_private_key_goes_too() -> None:
    redactor = Redactor()
    redactor.add(
        "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0B\nAQEFAASCBKcwggSjAgEAAoIB\n-----END KEY-----\n"
    )
    assert redactor.redact("bad line AQEFAASCBKcwggSjAgEAAoIB") == "bad line ***"


def test_token_and_password_of_an_address_go_without_being_known() -> None:
    redactor = Redactor()
    text = redactor.redact(f"Bearer {new_token().reveal()} to postgres://ann:secret@db/dw at 12:30, a@b.c")
    assert text == "Bearer *** to postgres://***@db/dw at 12:30, a@b.c"


def test_values_too_short_to_be_secrets_leave_texts_readable() -> None:
    redactor = Redactor()
    for value in ("", "a", "dw", "123"):
        redactor.add(value)
    assert redactor.redact("a dw of 123") == "a dw of 123"


def test_error_says_what_it_says_without_the_secret(redactor: Redactor) -> None:
    error = StatementFailed(
        "statement_failed", f"cannot use {CANARY}", hint=f"not {CANARY}", sqlstate="28P01"
    )
    redactor.redact_error(error)
    assert (str(error), error.message, error.hint) == ("cannot use ***", "cannot use ***", "not ***")
    assert error.args == ("cannot use ***",)


def test_values_inside_values_are_redacted(redactor: Redactor) -> None:
    body = {"rows": [[1, CANARY, None]], CANARY: (True, f"x{CANARY}")}
    assert redactor.redact_values(body) == {"rows": [[1, "***", None]], "***": (True, "x***")}


def test_log_line_and_its_traceback_are_redacted(redactor: Redactor) -> None:
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.addFilter(redactor)
    logger = logging.Logger("test")
    logger.addHandler(handler)
    logger.info("opened %s as %s", CANARY, "ann")
    try:
        raise ValueError(f"bad dsn {CANARY}")
    except ValueError:
        logger.exception("failed")
    text = written.getvalue()
    assert text.startswith("opened *** as ann\nfailed\nTraceback")
    assert "bad dsn ***" in text
    assert "w0rd" not in text


def test_redactor_does_not_show_what_it_knows(redactor: Redactor) -> None:
    assert "c4n4ry" not in repr(redactor)
