"""What a failure means for whoever called: its exit status, and its text or JSON on stderr."""

from __future__ import annotations

import json
import os
import sys
import traceback
from enum import IntEnum
from typing import Any

import rich_click as click

from picloud.cli.output import error_facts
from picloud.exceptions import CloudException, CloudTimeoutError, NodeStoppingError, NodeUnreachableError


class Exit(IntEnum):
    """Exit statuses."""

    FINE = 0
    """It was done."""
    FAILED = 1
    """A job failed, or something else did."""
    USAGE = 2
    """The command line was not understood."""
    UNREACHABLE = 3
    """No node can be reached."""
    TIMED_OUT = 124
    """What was waited for did not happen in time, as of timeout(1)."""
    INTERRUPTED = 130
    """Ctrl-C."""


class NoNodeError(Exception):
    """No node could be reached; the cause says why."""


def exit_status(error: BaseException) -> Exit:
    """Return the exit status that tells of an error."""
    if isinstance(error, (click.Abort, KeyboardInterrupt)):
        return Exit.INTERRUPTED
    if isinstance(error, click.UsageError):
        return Exit.USAGE
    if isinstance(error, CloudTimeoutError):
        return Exit.TIMED_OUT
    if isinstance(error, (NoNodeError, NodeUnreachableError, NodeStoppingError)):
        return Exit.UNREACHABLE
    return Exit.FAILED


def report(error: BaseException, *, as_json: bool, verbose: bool) -> int:
    """Tell of an error on stderr and return the exit status; nothing is said where nobody reads any more."""
    status = exit_status(error)
    if isinstance(error, NoNodeError) and error.__cause__ is not None:
        error = error.__cause__
    if isinstance(error, BrokenPipeError):
        _stop_writing()
        return status
    if isinstance(error, (click.Abort, KeyboardInterrupt)) and not as_json:
        return status
    if verbose or not isinstance(error, (CloudException, click.ClickException, click.Abort, KeyboardInterrupt)):
        sys.stderr.write("".join(traceback.format_exception(error)))
    if as_json:
        sys.stderr.write(json.dumps({"error": _facts(error)}, ensure_ascii=False) + "\n")
    elif isinstance(error, CloudException):
        sys.stderr.write(f"picloud: {error}\n")
    elif isinstance(error, click.ClickException):
        sys.stderr.write(f"picloud: {error.format_message()}\n{_advice(error)}")
    return status


def _facts(error: BaseException) -> dict[str, Any]:
    if isinstance(error, CloudException):
        return error_facts(error)
    if isinstance(error, click.ClickException):
        return {"code": "usage", "msg": error.format_message(), "hint": _advice(error).strip() or None}
    if isinstance(error, (click.Abort, KeyboardInterrupt)):
        return {"code": "interrupted", "msg": "Interrupted", "hint": None}
    return {"code": "internal", "msg": f"{type(error).__name__}: {error}", "hint": "this is a fault of picloud"}


def _advice(error: click.ClickException) -> str:
    context = error.ctx if isinstance(error, click.UsageError) else None
    return f"See `{context.command_path} --help`.\n" if context is not None else ""


def _stop_writing() -> None:
    """Leave what is still buffered nowhere to go, or the interpreter complains at its end."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)
