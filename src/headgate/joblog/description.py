"""What the root says of the tables: an OpenAPI 2.0 document, as PostgREST's clients read it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from headgate import __version__
from headgate.joblog.media import ROWS, Media
from headgate.joblog.table import COLUMNS, JOBS, LATEST, TABLES, Column, Kind

Document = dict[str, Any]
_TYPES = {
    Kind.INTEGER: {"type": "integer", "format": "integer"},
    Kind.TEXT: {"type": "string", "format": "text"},
    Kind.INSTANT: {"type": "string", "format": "timestamp with time zone"},
}
_QUERY = {
    "select": "Filtering Columns",
    "order": "Ordering",
    "offset": "Limiting and Pagination",
    "limit": "Limiting and Pagination",
    "columns": "Columns to write",
    "on_conflict": "On Conflict",
}
_HEADERS = {"range": "Range", "rangeUnit": "Range-Unit"}
_PREFERENCES = {
    "preferReturn": ["return=representation", "return=minimal", "return=headers-only"],
    "preferCount": ["count=exact"],
    "preferPost": [
        "return=representation",
        "return=minimal",
        "return=headers-only",
        "resolution=ignore-duplicates",
        "resolution=merge-duplicates",
    ],
}


def document(base_url: str) -> Document:
    parts = urlsplit(base_url)
    produces = [one.value for one in ROWS]
    return {
        "swagger": "2.0",
        "info": {
            "title": "Headgate job log",
            "description": "Records of ETL jobs that run elsewhere",
            "version": __version__,
        },
        "host": parts.netloc,
        "basePath": parts.path or "/",
        "schemes": [parts.scheme or "http"],
        "consumes": [Media.JSON.value, Media.CSV.value, Media.FORM.value],
        "produces": produces,
        "paths": {"/": {"get": _introduction()}, **{f"/{table}": _calls(table) for table in TABLES}},
        "definitions": {table: _definition(table) for table in TABLES},
        "parameters": _parameters(),
        "externalDocs": {
            "description": "How PostgREST is asked",
            "url": "https://postgrest.org/en/stable/references/api.html",
        },
        "securityDefinitions": {
            "JWT": {
                "type": "apiKey",
                "in": "header",
                "name": "Authorization",
                "description": "Bearer <token>",
            }
        },
        "security": [{"JWT": []}],
    }


def _introduction() -> Document:
    return {
        "tags": ["Introspection"],
        "summary": "OpenAPI description (this document)",
        "produces": [Media.OPENAPI.value, Media.JSON.value],
        "responses": {"200": {"description": "OK"}},
    }


def _calls(table: str) -> Document:
    filters = [f"rowFilter.{table}.{name}" for name in COLUMNS]
    rows = {"type": "array", "items": {"$ref": f"#/definitions/{table}"}}
    reads = ["select", "order", "range", "rangeUnit", "offset", "limit", "preferCount"]
    calls = {
        "get": _call(
            table,
            [*filters, *reads],
            {"200": {"description": "OK", "schema": rows}, "206": {"description": "Partial Content"}},
        )
    }
    if table == JOBS:
        calls["post"] = _call(
            table, [f"body.{table}", "select", "preferPost"], {"201": {"description": "Created"}}
        )
        changed = {"204": {"description": "No Content"}}
        calls["patch"] = _call(table, [*filters, f"body.{table}", "preferReturn"], changed)
        calls["delete"] = _call(table, [*filters, "preferReturn"], changed)
    return calls


def _call(table: str, parameters: list[str], responses: Document) -> Document:
    return {
        "tags": [table],
        "parameters": [{"$ref": f"#/parameters/{name}"} for name in parameters],
        "responses": responses,
    }


def _definition(table: str) -> Document:
    required = [column.name for column in COLUMNS.values() if not column.nullable]
    texts = {
        JOBS: "ETL jobs that run elsewhere, and how they ended",
        LATEST: "The newest record of each name",
    }
    return {
        "type": "object",
        "description": texts[table],
        "required": required,
        "properties": {column.name: _property(column) for column in COLUMNS.values()},
    }


def _property(column: Column) -> Document:
    key = "\n\nNote:\nThis is a Primary Key.<pk/>" if column.name == "id" else ""
    return {**_TYPES[column.kind], "description": column.note + key}


def _parameters() -> Document:
    found: Document = {
        name: {"name": name, "in": "query", "required": False, "type": "string", "description": text}
        for name, text in _QUERY.items()
    }
    for name, header in _HEADERS.items():
        found[name] = {"name": header, "in": "header", "required": False, "type": "string"}
    for name, values in _PREFERENCES.items():
        found[name] = {"name": "Prefer", "in": "header", "required": False, "type": "string", "enum": values}
    for table in TABLES:
        found[f"body.{table}"] = {
            "name": table,
            "in": "body",
            "required": False,
            "schema": {"$ref": f"#/definitions/{table}"},
        }
        for column in COLUMNS.values():
            found[f"rowFilter.{table}.{column.name}"] = {
                "name": column.name,
                "in": "query",
                "required": False,
                "type": "string",
                "description": column.note,
            }
    return found
