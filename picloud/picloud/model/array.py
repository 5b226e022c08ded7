"""A job array: what one `call` or `map` submitted, as one record whatever its length."""

from __future__ import annotations

from dataclasses import dataclass

from picloud.model.ids import JidRange


@dataclass(frozen=True, slots=True)
class JobOptions:
    """What the reserved keywords of `call` and `map` say (PiCloud's API §1.2), already checked."""

    label: str = ""
    """Text to find the job by; '' if none."""
    priority: int = 5
    """Lower numbers run earlier."""
    depends_on: tuple[JidRange, ...] = ()
    """Jobs that must end first."""
    ignore_dependency_errors: bool = False
    """Whether a dependency that ended badly counts as satisfied; else the job becomes stalled."""
    restartable: bool = True
    """Whether it may run again after its node, supervisor or host was lost."""
    kill_process: bool = False
    """Whether its worker is retired after each item."""
    max_runtime: float | None = None
    """Seconds after which a running item is killed."""
    core_type: str = "c1"
    """Name of its core type."""
    core_type_named: bool = False
    """Whether the submission named the type, so that its figures hold."""
    cores: int = 1
    """Cores per item."""
    fast_serialization: int = 0
    """0: full pickler with a trace of failures; 1: without; 2: plain pickle."""
    profile: bool = False
    """Whether items are profiled."""


@dataclass(frozen=True, slots=True)
class JobArray:
    """One submission."""

    first: int
    """Jid of item 0; also the array's own id."""
    count: int
    """Items."""
    client: str
    """Id of the client connection that submitted it."""
    sequence: int
    """The submission's number within that client, so that a resend is recognised."""
    function: str
    """Hash of the pickled function."""
    context: str
    """Hash of the context."""
    name: str
    """The function as people know it: 'module.name at file:line'."""
    is_map: bool
    """Whether items are positional tuples of a map, or one call's (args, kwargs)."""
    created: float
    """Unix time (s) of acceptance."""
    parent: int | None
    """Jid of the job that submitted it, if one did."""
    hostname: str
    """Host of the client."""
    options: JobOptions
    """The reserved keywords."""
