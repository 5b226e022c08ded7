"""What is a terminal; tests/system/interface/test_progress.py has what is drawn on one."""

from __future__ import annotations

import fcntl
import io
import os
import pty
import struct
import termios
from collections.abc import Iterator
from typing import TextIO

import pytest

from picloud.client import display


@pytest.fixture
def terminal() -> Iterator[TextIO]:
    """Give a terminal of 50 columns."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 20, 50, 0, 0))
    with open(theirs, "w", encoding="utf-8") as stream:
        yield stream
    os.close(ours)


def test_lines_are_drawn_again_on_terminals_alone(terminal: TextIO, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    assert display.is_terminal(terminal)
    assert not display.is_terminal(io.StringIO())
    monkeypatch.setenv("TERM", "dumb")
    assert not display.is_terminal(terminal)
    terminal.close()
    assert not display.is_terminal(terminal)


def test_the_width_is_the_terminals_or_the_usual_one(terminal: TextIO) -> None:
    assert display._width(terminal) == 50
    assert display._width(io.StringIO()) == 80
    terminal.close()
    assert display._width(terminal) == 80
