"""What the contenders' jobs do: the same functions for all of them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

_held: dict[int, Any] = {}


def nothing(_item: object = None) -> None:
    """Return at once."""


def spin(seconds: float) -> None:
    """Use a CPU for so many seconds of it, whoever else wants it meanwhile."""
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass


def kilobytes(number: int) -> bytes:
    """Return 10 kB that no other number gives."""
    return number.to_bytes(8, "big") * 1250


def first_and_last(array: np.ndarray[Any, Any]) -> tuple[float, float]:
    """Look at both ends of an array."""
    return float(array[0]), float(array[-1])


def array_of(size: int, seed: float) -> np.ndarray[Any, Any]:
    """Return an array of `size` bytes with content of its own; making it costs nothing from the second time on."""
    import numpy as np

    array = _held.get(size)
    if array is None:
        array = _held[size] = np.ones(size // 8)
    array[0] = array[-1] = seed
    return array


class Reader:
    """Reads one number of a table that all jobs of a map share."""

    def __init__(self, table: np.ndarray[Any, Any]) -> None:
        """Hold the table."""
        self.table = table

    def __call__(self, at: int) -> float:
        """Return a number of the table."""
        return float(self.table[at])
