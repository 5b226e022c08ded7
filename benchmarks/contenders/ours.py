"""picloud, through the interface that users have."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import cloud
from contenders.base import Contender


class Picloud(Contender):
    """The node of this process's PICLOUD_HOME; the first call starts it."""

    def submit(self, function: Callable[..., Any], *arguments: Any) -> int:
        """Call."""
        return cloud.call(function, *arguments)

    def result(self, job: int) -> Any:
        """Wait for one."""
        return cloud.result(job)

    def submit_each(self, function: Callable[..., Any], items: Sequence[Any]) -> range:
        """Map."""
        return cloud.map(function, items)

    def results(self, jobs: Sequence[int]) -> list[Any]:
        """Wait for all, and see that each was a job of its own.

        Raises:
            RuntimeError: if not every job is done with a record of its own.
        """
        values: list[Any] = cloud.result(jobs)
        if len(values) != len(jobs) or set(cloud.status([jobs[0], jobs[len(jobs) // 2], jobs[-1]])) != {"done"}:
            raise RuntimeError(f"{len(values)} results of {len(jobs)} jobs")
        return values

    def close(self) -> None:
        """Hang up; the node goes on."""
        cloud.close()
