"""How far a set of jobs is, in words: counts by state, an estimate of the time left; `display` has clock and terminal."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from picloud.model import job

WINDOW = 20.0
"""Seconds of the past that an estimate looks at, at least."""
BAR = 24
"""Characters of a bar."""

_SHARE = 3
"""An estimate looks at the last third of the time, where that is more: what jobs took at first says less by and by."""
_MARKS = 60
"""Marks in a window: enough for its border to be sharp, however often it is looked."""
_ORDER = (job.DONE, job.ERROR, job.KILLED, job.STALLED)
_FIRST_LINE, _LAST_LINE = 1.0, 60.0


@dataclass(frozen=True, slots=True)
class Tally:
    """How many jobs are in which state."""

    counts: tuple[int, ...]
    """By status code."""

    @staticmethod
    def of(codes: bytes) -> Tally:
        """Count status codes, one byte each."""
        return Tally(tuple(codes.count(code) for code in range(len(job.BY_CODE))))

    @property
    def total(self) -> int:
        """Return how many jobs there are."""
        return sum(self.counts)

    @property
    def finished(self) -> int:
        """Return how many have ended."""
        return sum(self.counts[job.DONE :])

    @property
    def unfinished(self) -> int:
        """Return how many have not."""
        return self.total - self.finished


class Estimate:
    """How long the rest takes, if it goes on as it went lately."""

    def __init__(self, now: float, finished: int) -> None:
        """Begin; what had ended before says nothing of how long jobs take."""
        self._began = (now, finished)
        self._marks: deque[tuple[float, int]] = deque([self._began])
        self._last = self._began

    def note(self, now: float, finished: int) -> None:
        """Take in how many have ended by now; times only grow."""
        self._last = (now, finished)
        window = max(WINDOW, (now - self._began[0]) / _SHARE)
        while len(self._marks) > 1 and self._marks[1][0] <= now - window:
            self._marks.popleft()
        if now - self._marks[-1][0] >= window / _MARKS:
            self._marks.append(self._last)

    def left(self, unfinished: int) -> float | None:
        """Return the seconds that the rest will take, as of the last note; None while nothing has ended."""
        for since in (self._marks[0], self._began):
            seconds, ended = self._last[0] - since[0], self._last[1] - since[1]
            if ended > 0 and seconds > 0:
                return unfinished * seconds / ended
        return None


def duration(seconds: float) -> str:
    """Return a time in its two largest units, such as '1 min 20 s'."""
    if seconds < 10:
        return f"{seconds:.1f} s" if seconds < 9.95 else "10 s"
    whole = round(seconds)
    for name, size, smaller, rest in (("d", 86400, "h", 3600), ("h", 3600, "min", 60), ("min", 60, "s", 1)):
        if whole >= size:
            first, second = whole // size, whole % size // rest
            return f"{first} {name} {second} {smaller}" if second else f"{first} {name}"
    return f"{whole} s"


def sentence(tally: Tally, left: float | None = None, took: float | None = None) -> str:
    """Return the counts in words, with the time left or, at the end, the time that was taken."""
    named = [(tally.counts[code], job.BY_CODE[code]) for code in _ORDER]
    ends = ", ".join(f"{count} {status}" for count, status in named if count)
    parts = [f"{tally.finished} of {tally.total} ended" + (f" ({ends})" if ends else "")]
    going = (job.PROCESSING, job.QUEUED, job.WAITING)
    parts += [f"{tally.counts[code]} {job.BY_CODE[code]}" for code in going if tally.counts[code]]
    if tally.unfinished and left is not None:
        parts.append(f"about {duration(left)} left")
    text = ", ".join(parts)
    return f"{text} in {duration(took)}" if took is not None and not tally.unfinished else text


def bar(done: float, total: float) -> str:
    """Return a bar of `BAR` characters; it is full at the very end alone."""
    full = BAR if done >= total else int(BAR * done / total)
    return f"[{'#' * full}{'.' * (BAR - full)}]"


def terminal_line(tally: Tally, width: int, left: float | None = None, took: float | None = None) -> str:
    """Return what fits into one line of a terminal: without the bar where it is narrow, and cut where it is narrower."""
    text = sentence(tally, left, took)
    whole = f"{bar(tally.finished, tally.total)} {text}"
    if len(whole) < width:
        return whole
    return text if len(text) < width else text[: max(0, width - 1)]


def pause(elapsed: float) -> float:
    """Return the seconds until the next line where lines stay: 1 at first, more by and by, a minute at last."""
    return min(max(elapsed / 2, _FIRST_LINE), _LAST_LINE)
