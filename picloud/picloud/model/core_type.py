"""PiCloud's core types (API §0 and §3): what a job may ask for by name."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CoreType:
    """One kind of core."""

    name: str
    """What `_type` says."""
    compute_units: float
    """Speed in EC2 compute units (a 1.0-1.2 GHz Xeon of 2007)."""
    memory: int
    """Bytes per core."""
    multiples: tuple[int, ...]
    """Allowed values of `_cores`."""
    pinned: bool
    """Whether jobs own their cores, or share them."""


BUILTIN: dict[str, CoreType] = {
    core_type.name: core_type
    for core_type in (
        CoreType("c1", 1.0, 300_000_000, (1,), False),
        CoreType("c2", 2.5, 800_000_000, (1, 2, 4, 8), True),
        CoreType("f2", 5.5, 3_700_000_000, (1, 2, 4, 8, 16), True),
        CoreType("m1", 3.25, 8_000_000_000, (1, 2, 4, 8), True),
        CoreType("s1", 2.0, 300_000_000, (1,), False),
    )
}
"""The five types of the service, by name."""

DEFAULT = "c1"
"""The type of a job that names none."""
