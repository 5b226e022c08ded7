"""What a running job says of itself, in memory that its worker shares with the node: how far it is, and its log.

::

    board = turn (1 byte, 7 unused) | slot | slot
    slot  = chunk, index and length of what follows (SLOT) | room for it

A writer fills the slot that is not shown, then turns with a single store.  So a reader sees whole words at any time, also after the
writer was killed in the midst of writing.  Nothing is sent, and a job that says nothing costs nothing.
"""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mmap import mmap

PROGRESS_ROOM = 2048
"""Bytes for a job's progress: three numbers at most, and a note of `NOTE_LENGTH` characters, however they are written."""
NOTE_LENGTH = 200
"""Characters of a note that are kept."""
LOG_ROOM = 32 << 10
"""Bytes of a job's log that are kept: its last lines."""

SLOT = struct.Struct("<QqI4x")
"""The chunk's number on its worker, the item's index in it, bytes."""
_SLOTS_AT = 8
_TRIES = 8


def board_size(room: int) -> int:
    """Return the bytes that a board takes whose slots have `room` bytes each."""
    return _SLOTS_AT + 2 * (SLOT.size + room)


def write(memory: mmap | bytearray, at: int, room: int, chunk: int, index: int, content: bytes) -> None:
    """Show `content`, of `room` bytes at most, for an item on the board at `at`."""
    turn = (memory[at] + 1) & 0xFF
    position = at + _SLOTS_AT + (turn & 1) * (SLOT.size + room)
    SLOT.pack_into(memory, position, chunk, index, len(content))
    position += SLOT.size
    memory[position : position + len(content)] = content
    memory[at] = turn


def read(memory: mmap | bytearray, at: int, room: int, chunk: int, index: int) -> bytes:
    """Return what the board at `at` shows for an item; empty if it shows nothing, or what another item said."""
    for _ in range(_TRIES):
        turn = memory[at]
        position = at + _SLOTS_AT + (turn & 1) * (SLOT.size + room)
        of_chunk, of_index, length = SLOT.unpack_from(memory, position)
        position += SLOT.size
        content = bytes(memory[position : position + min(length, room)])
        if memory[at] == turn:
            return content if (of_chunk, of_index) == (chunk, index) else b""
    return b""


def encode_progress(done: float, total: float | None, note: str) -> bytes:
    """Return a job's progress as the board has it."""
    note = note if len(note) <= NOTE_LENGTH else f"{note[: NOTE_LENGTH - 3]}..."
    return json.dumps([done, total, note], ensure_ascii=False, separators=(",", ":")).encode(errors="replace")


def facts(progress: bytes, log: bytes) -> dict[str, Any]:
    """Return what a job has said, as it is kept with its end and as the node answers it; only what there is.

    The memory is a job's own, which may have written anything over it: what is no progress is left out.
    """
    found: dict[str, Any] = {}
    try:
        said = json.loads(progress) if progress else None
    except (ValueError, RecursionError):
        said = None
    if isinstance(said, list) and len(said) == 3:
        found["progress"] = said
    if log:
        found["log"] = log.decode(errors="replace")
    return found
