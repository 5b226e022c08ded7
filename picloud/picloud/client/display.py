"""Showing on stderr how far jobs are, while the caller waits for them."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self, TextIO

from picloud.client.log import logger
from picloud.client.progress import Estimate, Tally, pause, sentence, terminal_line
from picloud.client.session import Session
from picloud.exceptions import CloudTimeoutError, JobError
from picloud.model.ids import JidRange
from picloud.wire import messages

_REDRAW = 0.2
_SHARE = 20
"""Looking at a million jobs takes a while: it is done for a twentieth of the time at most."""
_PATIENCE = 1.0


class Display:
    """For the time of a `with`: one line that is drawn again on a terminal, a line now and then elsewhere, one at the end.

    A thread looks and draws over a connection of its own.  So the wait itself is as it always is, and whatever goes wrong here ends
    the drawing alone.
    """

    def __init__(self, session: Session, ranges: Sequence[JidRange]) -> None:
        """Show these jobs; nothing is drawn yet."""
        self._session = session
        self._ranges = [list(pair) for pair in ranges]
        self._stream: TextIO | None = sys.stderr
        self._redraws = self._stream is not None and is_terminal(self._stream)
        self._began = time.monotonic()
        self._next_line = self._began + pause(0.0)
        self._estimate: Estimate | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="picloud-progress", daemon=True)

    def __enter__(self) -> Self:
        """Begin to draw."""
        if self._stream is not None:
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Draw how it ended, unless the caller was interrupted."""
        if self._stream is None:
            return
        self._over.set()
        self._thread.join(_PATIENCE)
        try:
            if error is None or isinstance(error, (JobError, CloudTimeoutError)):
                self._draw(self._look(), last=True)
            elif self._redraws:
                self._write("\n")
        except Exception as broken:
            logger(self._session.settings).debug("progress is not shown: %s", broken)

    def _run(self) -> None:
        try:
            while True:
                began = time.monotonic()
                tally = self._look()
                now = time.monotonic()
                if self._redraws:
                    self._draw(tally, last=False)
                    rest = max(_REDRAW, (now - began) * _SHARE)
                else:
                    if now >= self._next_line:
                        self._draw(tally, last=False)
                        self._next_line = now + pause(now - self._began)
                    rest = self._next_line - now
                if self._over.wait(rest):
                    return
        except Exception as broken:
            logger(self._session.settings).debug("progress is not shown any more: %s", broken)

    def _look(self) -> Tally:
        tally = Tally.of(self._session.request(messages.GetStatus(self._ranges)).body)
        now = time.monotonic()
        if self._estimate is None:
            self._estimate = Estimate(now, tally.finished)
        self._estimate.note(now, tally.finished)
        return tally

    def _draw(self, tally: Tally, *, last: bool) -> None:
        if self._over.is_set() and not last:
            return
        assert self._estimate is not None
        left = self._estimate.left(tally.unfinished)
        took = time.monotonic() - self._began if last else None
        if self._redraws:
            line = terminal_line(tally, _width(self._stream), left, took)
            self._write(f"\r\x1b[2K{line}" + ("\n" if last else ""))
        else:
            self._write(f"{sentence(tally, left, took)}\n")

    def _write(self, text: str) -> None:
        assert self._stream is not None
        self._stream.write(text)
        self._stream.flush()


def is_terminal(stream: TextIO) -> bool:
    """Return whether lines can be drawn again on a stream."""
    try:
        return stream.isatty() and os.environ.get("TERM") != "dumb"
    except ValueError:
        # It is closed.
        return False


def _width(stream: TextIO | None) -> int:
    try:
        assert stream is not None
        return os.get_terminal_size(stream.fileno()).columns or 80
    except (OSError, ValueError):
        return 80
