"""Pools: which interpreter, variables and modules a group of workers serves."""

from __future__ import annotations

from dataclasses import dataclass

from picloud.model.context import START_PREFIXES, Context


@dataclass(frozen=True, slots=True)
class Pool:
    """What all workers of one pool key share."""

    key: str
    """The key, opaque to the scheduler."""
    supervisor: str
    """Key of the supervisor that forks its workers."""
    context: Context
    """Any context of the pool: interpreter, prefix and start-time variables are alike in all."""

    def start_environment(self) -> dict[str, str]:
        """Return the variables that libraries read once, which a worker gets before it imports anything."""
        return {name: value for name, value in self.context.environment if name.startswith(START_PREFIXES)}


def pool_of(context: Context, place: str, core_type: str, cores: int) -> Pool:
    """Return the pool that serves a context."""
    return Pool(context.pool_key(place, core_type, cores), f"{place}:{context.exec_key()}", context)
