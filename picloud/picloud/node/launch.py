"""Becoming a daemon: a session of its own, no terminal, one line to whoever started it, then silence but for the log."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import sys
from pathlib import Path
from typing import Any


def detach() -> None:
    """Fork twice into a session of its own, so that the starter's terminal and its end do not matter (daemon(7))."""
    if os.fork():
        os._exit(0)
    os.setsid()
    if os.fork():
        os._exit(0)


def report(facts: dict[str, Any], descriptor: int = 1) -> None:
    """Write the one JSON line that the starter reads; a starter that has gone meanwhile reads nothing."""
    with contextlib.suppress(OSError):
        os.write(descriptor, f"{json.dumps(facts)}\n".encode())


def leave_terminal(log: Path) -> int:
    """Put standard input on /dev/null and output on the log; return a descriptor of what output was before."""
    before = os.dup(1)
    null = os.open(os.devnull, os.O_RDONLY)
    out = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    os.dup2(null, 0)
    os.dup2(out, 1)
    os.dup2(out, 2)
    os.close(null)
    os.close(out)
    return before


def start_logging(log: Path, level: str, *, to_terminal: bool) -> None:
    """Send log records of this level and above to the log file, and to stderr if wanted."""
    descriptor = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    handlers: list[logging.Handler] = [logging.StreamHandler(os.fdopen(descriptor, "a", encoding="utf-8"))]
    if to_terminal:
        handlers.append(logging.StreamHandler(sys.stderr))
    form = logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s")
    for handler in handlers:
        handler.setFormatter(form)
    logging.basicConfig(
        level=logging.getLevelNamesMapping().get(level.upper(), logging.INFO), handlers=handlers, force=True
    )
