"""JIDS as PiCloud's command line took them, `1-4,7` with inclusive ranges, and the words `all` and `last`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from picloud.model.ids import JidRange

ALL = "all"
"""Every job that is stored."""
LAST = "last"
"""Every job of the newest submission."""

_ADVICE = "JIDS are jids and inclusive ranges such as 1-4,7, or 'all', or 'last'"


@dataclass(frozen=True, slots=True)
class Listed:
    """A stored job array, as far as naming its jobs needs it."""

    first: int
    """Jid of item 0."""
    count: int
    """Items."""
    deleted: tuple[JidRange, ...]
    """Jids that no job has any more, in order."""

    def ranges(self) -> list[JidRange]:
        """Return the jids that there are."""
        found: list[JidRange] = []
        at = self.first
        for start, stop in self.deleted:
            if at < start:
                found.append((at, start))
            at = max(at, stop)
        if at < self.first + self.count:
            found.append((at, self.first + self.count))
        return found


@dataclass(frozen=True, slots=True)
class Selection:
    """The jobs that a command is about, before anybody was asked which there are."""

    parts: tuple[JidRange | str, ...]
    """Ranges, and the words `all` and `last`, in the order given."""

    @property
    def is_all(self) -> bool:
        """Whether it is `all` and nothing else."""
        return self.parts == (ALL,)

    def ranges(self, newest_first: Callable[[], Iterator[Listed]]) -> list[JidRange]:
        """Return the jid ranges; `newest_first` gives the arrays that there are, and is only asked for a word."""
        found: list[JidRange] = []
        for part in self.parts:
            if isinstance(part, tuple):
                found.append(part)
            elif part == LAST:
                found += next((array.ranges() for array in newest_first()), [])
            else:
                for array in reversed(list(newest_first())):
                    found += array.ranges()
        return found


def parse_jids(text: str) -> Selection:
    """Return what JIDS name.

    Raises:
        ValueError: for anything else, saying what is allowed.
    """
    parts: list[JidRange | str] = []
    for word in text.replace(" ", "").split(","):
        if word in {ALL, LAST}:
            parts.append(word)
            continue
        low, dash, high = word.partition("-")
        if not low.isdecimal() or (dash and not high.isdecimal()):
            raise ValueError(f"{word!r} is no jid; {_ADVICE}")
        first, last = int(low), int(high or low)
        if last < first:
            raise ValueError(f"{word!r} ends before it begins; {_ADVICE}")
        parts.append((first, last + 1))
    return Selection(tuple(parts))
