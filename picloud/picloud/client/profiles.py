"""A job's profile as people read it, and as the standard library's pstats does."""

from __future__ import annotations

import io
import marshal
from typing import TYPE_CHECKING, Any, cast

from picloud.model import profile

if TYPE_CHECKING:
    import cProfile


def text(kept: bytes, left_out: int) -> str:
    """Return a profile as pstats prints it, what took longest with all that it called first; '' if there is none."""
    if not kept:
        return ""
    import pstats

    out = io.StringIO()
    found = cast("cProfile.Profile", _Statistics(marshal.loads(profile.decode(kept))))  # noqa: S302 - of the user's own job
    pstats.Stats(found, stream=out).sort_stats("cumulative").print_stats()
    more = f"{left_out} functions that took the least time are left out, and are in no sum.\n" if left_out else ""
    return more + out.getvalue().strip("\n") + "\n"


def statistics(kept: bytes) -> bytes:
    """Return the content of a file that `pstats.Stats` loads; b'' if there is no profile."""
    return profile.decode(kept) if kept else b""


class _Statistics:
    """What pstats takes for a profiler."""

    def __init__(self, stats: dict[Any, Any]) -> None:
        self.stats = stats

    def create_stats(self) -> None:
        """Have them."""
