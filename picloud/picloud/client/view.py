"""`cloud.view`: a table of jobs that lives until all have ended, in a terminal or a notebook; elsewhere it is printed."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from picloud.client import waiting
from picloud.client.display import is_terminal
from picloud.client.info import get_info
from picloud.client.progress import Estimate, Tally, sentence
from picloud.client.session import Session
from picloud.client.table import KEYS, Table, chosen, jids_at, table
from picloud.model.ids import JidRange, ranges_of
from picloud.wire import messages

if TYPE_CHECKING:
    from rich.table import Table as RichTable

ROOM = 40
"""Rows at most."""

_PAUSE = 0.5
_AROUND = 6
"""Lines of a terminal that a table needs besides its rows."""
_STYLES = {"done": "green", "error": "red", "killed": "magenta", "stalled": "yellow", "processing": "cyan"}


def view(session: Session, ranges: Sequence[JidRange]) -> None:
    """Show jobs until all have ended.

    Raises:
        CloudException: what the node says, such as `UnknownJobError`.
    """
    estimate: Estimate | None = None
    with _surface() as surface:
        while True:
            codes = session.request(messages.GetStatus([list(pair) for pair in ranges])).body
            tally, now = Tally.of(codes), time.monotonic()
            estimate = estimate or Estimate(now, tally.finished)
            estimate.note(now, tally.finished)
            indexes = chosen(codes, surface.room())
            facts = get_info(session, ranges_of(jids_at(indexes, ranges)), KEYS)
            summary = sentence(tally, estimate.left(tally.unfinished))
            surface.show(table(facts, tally.total - len(indexes), summary))
            if not tally.unfinished:
                return
            waiting.wait(session, ranges, "all", surface.pause)


def _surface() -> _Plain:
    if sys.stdout is not None and is_terminal(sys.stdout):
        return _Terminal()
    if _in_ipython():
        return _Notebook()
    return _Plain()


def _in_ipython() -> bool:
    """Return whether IPython runs this; a program that never loaded it is not asked to."""
    ipython = sys.modules.get("IPython")
    return ipython is not None and ipython.get_ipython() is not None


class _Plain:
    """Prints the table as it is now, and once more when all have ended; the others show it in one place."""

    pause: float | None = None
    """Seconds between looks; None looks again when all have ended."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave what was printed."""

    def room(self) -> int:
        """Return how many rows there is room for."""
        return ROOM

    def show(self, shown: Table) -> None:
        """Show a table, in the place of the last one where that can be."""
        if sys.stdout is not None:
            sys.stdout.write(f"{shown}\n")
            sys.stdout.flush()


class _Notebook(_Plain):
    """An output of the cell, replaced at each look."""

    pause = _PAUSE

    def __init__(self) -> None:
        self._handle: Any = None

    def show(self, shown: Table) -> None:
        from IPython.display import display

        if self._handle is None:
            self._handle = display(shown, display_id=True)  # type: ignore[no-untyped-call]  # IPython's has no types
        else:
            self._handle.update(shown)


class _Terminal(_Plain):
    """A table that is drawn again."""

    pause = _PAUSE

    def __init__(self) -> None:
        from rich.console import Console
        from rich.live import Live

        self._console = Console(file=sys.stdout, force_jupyter=False)
        self._live = Live(console=self._console, auto_refresh=False)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def room(self) -> int:
        lines = os.get_terminal_size(self._console.file.fileno()).lines
        return min(ROOM, max(lines - _AROUND, 3))

    def show(self, shown: Table) -> None:
        self._live.update(_rich(shown), refresh=True)


def _rich(shown: Table) -> RichTable:
    from rich.table import Table as RichTable
    from rich.text import Text

    # As texts, since what a job calls itself is no markup.
    drawn = RichTable(caption=Text(shown.foot), caption_justify="left")
    for name in shown.header:
        drawn.add_column(name, no_wrap=True, overflow="ellipsis")
    for row in shown.rows:
        cells = [Text(cell) for cell in row]
        cells[shown.status].stylize(_STYLES.get(row[shown.status], ""))
        drawn.add_row(*cells)
    return drawn
