"""A program with modules of its own beside it."""

from __future__ import annotations

import re

from .conftest import Run


def test_the_picture(run: Run) -> None:
    *lines, last = run("mandelbrot/render.py", "--width", "50", "--steps", "300")
    assert len(lines) == 20
    assert all(len(line) == 50 for line in lines)
    assert lines == lines[::-1], "the set is symmetric"
    assert "@@@@@@@@" in lines[10]
    assert "@" not in lines[0]
    match = re.fullmatch(r"20 lines in [\d.]+ seconds; the set's area is about ([\d.]+)", last)
    assert match is not None
    assert 1.3 < float(match[1]) < 1.8
