"""Words, tables and JSON. Data goes to stdout, everything else to stderr; colour only underlines what words say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from headgate.errors import Diagnostic

STATUS_COLORS = {
    "succeeded": "green",
    "deployed": "green",
    "ok": "green",
    "reused": "green",
    "warning": "yellow",
    "warn": "yellow",
    "failed": "red",
    "fail": "red",
    "marked": "red",
    "canceled": "magenta",
    "skipped": "cyan",
    "running": "blue",
    "up": "green",
    "late": "yellow",
    "down": "red",
    "paused": "cyan",
}
_STEERING = dict.fromkeys([*range(9), *range(11, 32), *range(127, 160)], "\N{REPLACEMENT CHARACTER}")


def show(text: str = "") -> None:
    """Data, as text."""
    click.echo(text)


def show_json(body: Any) -> None:
    """Data, as JSON. What JSON has no word for (a decimal in a sample of rows) is written as text."""
    click.echo(as_json(body))


def as_json(body: Any) -> str:
    import msgspec

    return msgspec.json.format(msgspec.json.encode(body, enc_hook=str), indent=2).decode()


def say(text: str) -> None:
    """A word to the person who waits."""
    click.echo(text, err=True)


def warn(text: str) -> None:
    click.echo(click.style("warning:", fg="yellow") + f" {text}", err=True)


def complain(message: str, hint: str, *, color: bool | None = None) -> None:
    """An error: one line and a hint, without the secrets that a driver may have quoted."""
    from headgate.identity.redaction import process_redactor

    message, hint = process_redactor.redact(message), process_redactor.redact(hint)
    click.echo(click.style("error:", fg="red", bold=True) + f" {one_line(message)}", err=True, color=color)
    for line in _hint_lines(hint):
        click.echo(line, err=True, color=color)


def show_diagnostics(found: Iterable[Diagnostic], *, color: bool | None = None) -> None:
    """Each as `file:line:column: severity: message`, which editors understand, and its hint."""
    for one in found:
        shade = "red" if one.severity == "error" else "yellow"
        text = f"{one.location}: {click.style(one.severity + ':', fg=shade)} {one_line(one.message)}"
        click.echo(text, err=True, color=color)
        for line in _hint_lines(one.hint):
            click.echo(f"  {line}", err=True, color=color)


def _hint_lines(hint: str) -> Iterator[str]:
    for line in hint.splitlines():
        # A line that begins with a blank is a picture: a selector, and a caret below the place that is meant.
        yield f"  {line}" if line.startswith(" ") else click.style("hint:", fg="cyan") + f" {line}"


def show_table(head: Sequence[str], rows: Iterable[Sequence[object]], *, right: Iterable[int] = ()) -> None:
    """Columns as wide as their widest cell; those of `right` (from 0) are numbers."""
    show_lines(table(head, rows, right=right))


def show_lines(lines: Iterable[str]) -> None:
    for line in lines:
        click.echo(line)


def table(head: Sequence[str], rows: Iterable[Sequence[object]], *, right: Iterable[int] = ()) -> list[str]:
    cells = [[_cell(value) for value in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(head, *cells, strict=True)]
    numbers = set(right)

    def line(row: Sequence[str], *, title: bool = False) -> str:
        padded = [
            text.rjust(width) if index in numbers else text.ljust(width)
            for index, (text, width) in enumerate(zip(row, widths, strict=True))
        ]
        if title:
            return click.style("  ".join(padded).rstrip(), bold=True)
        padded[-1] = padded[-1].rstrip()
        return "  ".join(_shaded(text) for text in padded).rstrip()

    return [line(head, title=True), *(line(row) for row in cells)]


def _cell(value: object) -> str:
    return "" if value is None else one_line(str(value))


def _shaded(text: str) -> str:
    color = STATUS_COLORS.get(text.strip())
    return click.style(text, fg=color) if color else text


def status(word: str) -> str:
    return click.style(word, fg=STATUS_COLORS.get(word))


def one_line(text: str) -> str:
    """Also without what would steer the terminal: names and messages come from anywhere."""
    text = " ".join(text.split()) if "\n" in text else text
    return text.translate(_STEERING)


def plural(count: int, noun: str, many: str = "") -> str:
    return f"{count:,} {noun if count == 1 else many or noun + 's'}"


def names(values: Sequence[str], most: int = 5) -> str:
    more = f" and {len(values) - most:,} more" if len(values) > most else ""
    return ", ".join(values[:most]) + more


def seconds(value: float | None) -> str:
    if value is None:
        return ""
    if value < 100:
        return f"{value:.2f}s"
    minutes, rest = divmod(round(value), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02}m" if hours else f"{minutes}m{rest:02}s"


def since(start: datetime | None, end: datetime | None) -> str:
    if start is None:
        return ""
    return seconds(((end or datetime.now(UTC)) - start).total_seconds())


def at(instant: datetime | None) -> str:
    """An instant as the person's own clock shows it, with its zone."""
    return "" if instant is None else instant.astimezone().strftime("%Y-%m-%d %H:%M:%S %Z").rstrip()


def moment(text: str | None) -> str:
    """An instant of a body, as `at` shows it; `infinity` stays."""
    if text is None:
        return ""
    return at(datetime.fromisoformat(text)) if text[0].isdigit() else text


def rows_text(inserted: int | None, updated: int | None, deleted: int | None) -> str:
    counts = ((inserted, "inserted"), (updated, "updated"), (deleted, "deleted"))
    return ", ".join(f"{count:,} {word}" for count, word in counts if count)
