"""Client and node about the node itself: lists, clean-up, state, backup."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from picloud.wire.messages.base import Message


@dataclass(frozen=True, slots=True)
class Collect(Message):
    """Find, and delete unless it is a dry run, ended jobs by what `picloud gc` asks; answered by `Collected`."""

    dry_run: bool
    """Whether nothing is deleted."""
    older_than: float | None
    """Seconds since they ended."""
    label: str | None
    """Their label."""
    states: list[str]
    """Their statuses; empty is all finished ones."""
    larger_than: int | None
    """Bytes that their array takes."""


@dataclass(frozen=True, slots=True)
class Collected(Message):
    """What `Collect` found."""

    arrays: list[dict[str, Any]]
    """One dict an array: first, count, name, label, finished, bytes, counts by status."""
    bytes: int
    """Bytes together."""


@dataclass(frozen=True, slots=True)
class ListArrays(Message):
    """Ask for arrays, newest first; answered by `Arrays`."""

    before: int | None
    """Only arrays with smaller jids; None starts at the newest."""
    limit: int
    """How many at most."""
    label: str | None
    """Only those with this label."""


@dataclass(frozen=True, slots=True)
class Arrays(Message):
    """One dict an array: first, count, name, label, created, finished, counts by status, deleted jids as ranges."""

    arrays: list[dict[str, Any]]
    """Newest first."""


@dataclass(frozen=True, slots=True)
class NodeStatus(Message):
    """Ask how the node is; answered by `NodeFacts`."""


@dataclass(frozen=True, slots=True)
class NodeFacts(Message):
    """Facts about the node: counts, workers, store size, uptime, settings."""

    facts: dict[str, Any]
    """By name."""


@dataclass(frozen=True, slots=True)
class Stop(Message):
    """End the node gracefully; answered by `Accepted` before it goes."""


@dataclass(frozen=True, slots=True)
class Check(Message):
    """Walk the whole store; answered by `NodeFacts` with the report."""


@dataclass(frozen=True, slots=True)
class Backup(Message):
    """Copy the store into a folder; answered by `NodeFacts`."""

    directory: str
    """Absolute path of an empty or missing folder."""
