"""What every conversation shares: the base of all messages, failures, ranges."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Ranges = list[list[int]]
"""Jid ranges as JSON: `[[first, behind last], ...]`."""


@dataclass(frozen=True, slots=True)
class Message:
    """The base of all messages."""


@dataclass(frozen=True, slots=True)
class Failure(Message):
    """The request could not be done; the facts rebuild an error of `picloud.exceptions`."""

    facts: dict[str, Any]
    """`CloudException.to_wire`."""


@dataclass(frozen=True, slots=True)
class Accepted(Message):
    """The request was done and has nothing else to say."""
