"""Where a table is shown, and how it is drawn; tests/system/interface/test_view.py has the whole."""

from __future__ import annotations

import io
import os
import pty
from typing import Any

import pytest
from rich.console import Console

from picloud.client import table, view


def _facts(**changes: Any) -> dict[str, Any]:
    return {"function": "m.f", "label": "", "status": "done", "runtime": 1.0, "progress": None, **changes}


def _drawn(shown: table.Table, *, width: int = 80) -> str:
    console = Console(file=io.StringIO(), width=width, height=20, force_terminal=True, color_system="standard")
    with console.capture() as captured:
        console.print(view._rich(shown))
    return captured.get()


def test_statuses_have_colours_and_other_words_no_markup() -> None:
    text = _drawn(table.table({7: _facts(label="[red]x"), 8: _facts(status="error")}, 3, "2 of 5 ended"))
    assert "\x1b[32mdone" in text
    assert "\x1b[31merror" in text
    assert "[red]x" in text
    assert "and 3 more; 2 of 5 ended" in text


def test_a_narrow_terminal_has_one_line_a_job() -> None:
    facts = {jid: _facts(progress={"done": 1, "total": 2, "note": "n" * 100}) for jid in range(5)}
    shown = table.table(facts, 0, "5 of 5 ended")
    assert _drawn(shown, width=40).count("\n") == _drawn(shown, width=200).count("\n")


def test_where_a_table_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    with monkeypatch.context() as patch:
        patch.setattr("sys.stdout", io.StringIO())
        assert type(view._surface()) is view._Plain
        patch.setattr("sys.stdout", None)
        assert type(view._surface()) is view._Plain
        ours, theirs = pty.openpty()
        with open(theirs, "w", encoding="utf-8") as terminal:
            patch.setattr("sys.stdout", terminal)
            surface = view._surface()
            assert type(surface) is view._Terminal
            assert 3 <= surface.room() <= view.ROOM
        os.close(ours)
