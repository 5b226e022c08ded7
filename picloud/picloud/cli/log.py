"""The end of a log file, and what is added to it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_BLOCK = 1 << 16
_STEP = 0.1


def tail(file: BinaryIO, count: int) -> list[str]:
    """Return the last `count` lines, reading no more of the file than they need; the file then stands at its end."""
    at = file.seek(0, os.SEEK_END)
    text = b""
    while at > 0 and text.count(b"\n") <= count:
        size = min(_BLOCK, at)
        at -= size
        file.seek(at)
        text = file.read(size) + text
    file.seek(0, os.SEEK_END)
    lines = text.decode(errors="replace").splitlines()
    return lines[-count:] if count else []


def follow(path: Path, file: BinaryIO) -> Iterator[str]:
    """Yield what is added from where the file stands on, for ever; a file that was replaced is read from its beginning."""
    while True:
        more = file.read(_BLOCK)
        if more:
            yield more.decode(errors="replace")
            continue
        try:
            replaced = path.stat().st_ino != os.fstat(file.fileno()).st_ino or path.stat().st_size < file.tell()
        except FileNotFoundError:
            replaced = False
        if replaced:
            with path.open("rb") as fresh:
                yield from follow(path, fresh)
        time.sleep(_STEP)
