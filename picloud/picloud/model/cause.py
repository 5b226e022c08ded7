"""Why a job's attempt ended, as data (never 'see the logs')."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class CauseKind(StrEnum):
    """The kinds of ends; together with a number they say all that the machine knows."""

    EXCEPTION = "exception"
    """The function raised."""
    EXIT = "exit"
    """The worker process ended under the job; the number is its exit status."""
    SIGNAL = "signal"
    """A signal ended the worker under the job; the number is the signal."""
    OOM_LIMIT = "oom-limit"
    """Its processes took more memory than its budget."""
    OOM_KERNEL = "oom-kernel"
    """The kernel ended it for memory."""
    TIMEOUT = "timeout"
    """It ran longer than its `_max_runtime`; the number is that limit in seconds."""
    KILLED_BY_USER = "killed-by-user"
    """Somebody called `kill`."""
    LOST = "lost"
    """Its node, supervisor, host or power went."""
    DEPENDENCY = "dependency"
    """A job that it depends on did not end well; the number is that job's jid."""


@dataclass(frozen=True, slots=True)
class Cause:
    """The cause of one end."""

    kind: CauseKind
    """What happened."""
    number: float | None = None
    """Exit status, signal, limit in seconds or jid, by kind."""
    detail: str = ""
    """One sentence for people."""

    def __str__(self) -> str:
        """Return the short form, such as 'signal 11' or 'killed-by-user'."""
        if self.number is None or self.kind not in (CauseKind.EXIT, CauseKind.SIGNAL):
            return str(self.kind)
        return f"{self.kind} {int(self.number)}"

    def to_list(self) -> list[Any]:
        """Return the JSON form."""
        return [str(self.kind), self.number, self.detail]

    @staticmethod
    def from_list(values: list[Any]) -> Cause:
        """Rebuild from the JSON form."""
        kind, number, detail = values
        return Cause(CauseKind(kind), number, detail)
