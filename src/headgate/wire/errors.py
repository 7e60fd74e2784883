"""The one shape of an error, on every route: Coalesce's two keys, and what a program wants to know beside them."""

from __future__ import annotations

from headgate.wire.base import Answer


class DiagnosticBody(Answer):
    code: str
    severity: str
    message: str
    hint: str
    file: str
    line: int
    column: int


class ErrorBody(Answer):
    """`code` is a word of docs/errors.md; `errorDetail` says what to do next, or what is wrong with which part."""

    error_string: str
    error_detail: str
    code: str
    hint: str
    request_id: str
    diagnostics: list[DiagnosticBody] | None = None


class ErrorAnswer(Answer):
    error: ErrorBody
