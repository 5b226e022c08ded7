"""picloud as a contender, through the interface that users have."""

from __future__ import annotations

import time

import cloud
from work import nothing


class Picloud:
    """The node of this process's PICLOUD_HOME; the first call starts it."""

    def latency(self, count: int) -> list[float]:
        """Return the seconds from call to result of single jobs, one after the other."""
        taken = []
        for _ in range(count):
            began = time.perf_counter()
            cloud.result(cloud.call(nothing))
            taken.append(time.perf_counter() - began)
        return taken

    def many(self, count: int) -> dict[str, float]:
        """Map over `count` items; return the seconds until submitted, all ended and stored, and all results here.

        Raises:
            RuntimeError: if not every job is done with its own record.
        """
        began = time.perf_counter()
        jids = cloud.map(nothing, range(count))
        submitted = time.perf_counter()
        cloud.join(jids)
        joined = time.perf_counter()
        results = cloud.result(jids)
        ended = time.perf_counter()
        if (
            len(results) != count
            or len(jids) != count
            or set(cloud.status([jids[0], jids[count // 2], jids[-1]])) != {"done"}
        ):
            raise RuntimeError(f"{len(results)} results of {count} jobs")
        return {"seconds": ended - began, "submitted": submitted - began, "joined": joined - began}

    def close(self) -> None:
        """Hang up; the node goes on."""
        cloud.close()
