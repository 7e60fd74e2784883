"""How a command ends that did not end well: one line that says what is wrong, a hint, an exit code.

Also the last stop of what nobody expected: no traceback is shown unless HEADGATE_DEBUG asks for it.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence

import click

from headgate.cli.output import complain, show_diagnostics
from headgate.errors import HeadgateError, ProjectError, UsageError, did_you_mean, nearest
from headgate.settings import debugging

DONE, FAILED, WRONG, STRICT = 0, 1, 2, 3

_SYSTEM = {
    errno.ENOSPC: ("the disk is full", "free some space; nothing that was committed is lost"),
    errno.EDQUOT: ("the disk quota is used up", "free some space; nothing that was committed is lost"),
    errno.EROFS: ("the disk is read-only", "choose another folder, or make it writable"),
    errno.EACCES: ("permission denied", "check who owns the file and what they may do"),
    errno.EPERM: ("not permitted", "check who owns the file and what they may do"),
    errno.EMFILE: ("too many open files", "raise the limit (ulimit -n), or lower --parallelism"),
}


def end(error: BaseException, *, color: bool | None = None) -> int:
    """Say what went wrong, and return the exit code."""
    try:
        return _end(error, color)
    except BrokenPipeError:  # nobody reads what we say any more
        return _silenced(FAILED)


def _end(error: BaseException, color: bool | None) -> int:
    match error:
        case ProjectError():
            show_diagnostics(error.diagnostics, color=color)
            complain(error.message, error.hint, color=color)
            return error.exit_code
        case HeadgateError():
            complain(str(error), error.hint, color=color)
            return error.exit_code
        case click.exceptions.Exit():
            return error.exit_code
        case click.ClickException():
            complain(*_explained(error), color=color)
            return WRONG if isinstance(error, click.UsageError) else FAILED
        case click.Abort() | KeyboardInterrupt():
            complain("interrupted", "", color=color)
            return FAILED
        case SystemExit():
            return error.code if isinstance(error.code, int) else FAILED
        case BrokenPipeError():
            # A reader such as `head` has seen enough: that is no failure.
            return _silenced(DONE)
        case OSError():
            message, hint = _system(error)
            complain(message, hint, color=color)
            return FAILED
        case MemoryError():
            complain("not enough memory", "close other programs, or lower --parallelism", color=color)
            return FAILED
    return _unexpected(error, color)


def _unexpected(error: BaseException, color: bool | None) -> int:
    if debugging():
        import traceback

        from headgate.identity.redaction import process_redactor

        click.echo(process_redactor.redact("".join(traceback.format_exception(error))), err=True, nl=False)
    name = type(error).__name__
    text = " ".join(str(error).split())
    complain(
        f"unexpected {name}: {text}" if text else f"unexpected {name}",
        "this is a mistake in Headgate; HEADGATE_DEBUG=1 shows where, please report it",
        color=color,
    )
    return FAILED


def _system(error: OSError) -> tuple[str, str]:
    reason, hint = _SYSTEM.get(error.errno or 0, (error.strerror or str(error), ""))
    return (f"{error.filename}: {reason}" if error.filename else reason), hint


def _silenced(code: int) -> int:
    # What is still buffered would be flushed at exit, and complain once more.
    void = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(void, stream.fileno())
    return code


def _explained(error: click.ClickException) -> tuple[str, str]:
    """click's own errors in our words: a message without full stop, and a hint."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    path = context.command_path if context is not None else "headgate"
    help_hint = f"{path} --help says what there is"
    match error:
        case click.exceptions.NoSuchCommand():
            known = _command_names(context)
            message = f"{path} has no command {error.command_name}"
            if "show" in known:  # `headgate runs 12`
                help_hint = f"to see one: {path} show {error.command_name}"
            return message, did_you_mean(error.command_name, known, help_hint)
        case click.NoSuchOption():
            message = f"{path} has no option {error.option_name}"
            near = nearest_flags(error.option_name, _option_names(context))
            return message, f"did you mean {' or '.join(near)}?" if near else help_hint
    return error.format_message().strip().rstrip("."), help_hint


def _command_names(context: click.Context | None) -> list[str]:
    if context is None or not isinstance(context.command, click.Group):
        return []
    return context.command.list_commands(context)


def _option_names(context: click.Context | None) -> list[str]:
    if context is None:
        return []
    params = context.command.get_params(context)
    return [name for param in params for name in param.opts if name.startswith("--")]


def nearest_flags(name: str, known: Sequence[str]) -> list[str]:
    """By their words: the dashes that all of them share would make any two look alike."""
    flags = {flag.lstrip("-"): flag for flag in known}
    return [flags[word] for word in nearest(name.lstrip("-"), flags)]


def usage(code: str, message: str, hint: str = "") -> UsageError:
    return UsageError(code, message, hint=hint)
