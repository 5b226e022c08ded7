"""The part of the complex plane that is drawn, and how soon its points escape from it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

LEFT, RIGHT, TOP, BOTTOM = -2.1, 0.6, 1.2, -1.2


@dataclass(frozen=True)
class View:
    """A grid of points, each in the middle of a character."""

    width: int
    """Characters in a line."""
    height: int
    """Lines."""

    @property
    def area(self) -> float:
        """The area of the plane that is drawn."""
        return (RIGHT - LEFT) * (TOP - BOTTOM)

    def line(self, number: int) -> Iterator[complex]:
        """Yield the points of a line, counted from the top."""
        imaginary = TOP + (BOTTOM - TOP) * (number + 0.5) / self.height
        for column in range(self.width):
            yield complex(LEFT + (RIGHT - LEFT) * (column + 0.5) / self.width, imaginary)


def escape(point: complex, steps: int) -> int:
    """Return after how many steps of z² + point the number z is far away; `steps` if it never is."""
    value = 0j
    for step in range(steps):
        value = value * value + point
        if abs(value) > 2:
            return step
    return steps
