"""Jobs under the profiler: each item's function runs in one of its own, whatever way it ends."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from picloud.model import profile
from picloud.worker.kills import Flags

if TYPE_CHECKING:
    import cProfile

_DISABLE = "<method 'disable' of '_lsprof.Profiler' objects>"


class Profiler:
    """Stands for a job's function, and keeps the profile of its last call until it is taken."""

    __slots__ = ("_flags", "_function", "_pid", "_profile")

    def __init__(self, function: Callable[..., Any], flags: Flags) -> None:
        """Profile the function's calls in this process, and note in the flags that there is something to take."""
        self._function = function
        self._flags = flags
        self._pid = os.getpid()
        self._profile: cProfile.Profile | None = None

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        """Call the function under a profiler of its own."""
        import cProfile

        self._profile = found = cProfile.Profile()
        self._flags.after = True
        found.enable()
        try:
            return self._function(*arguments, **keywords)
        finally:
            found.disable()

    def take(self) -> dict[str, Any]:
        """Return the meta of the last call's profile; empty if there was no call, or in a child that job code forked."""
        found, self._profile = self._profile, None
        if found is None or self._pid != os.getpid():
            return {}
        # A kill may have come between the call and its end.
        found.disable()
        found.create_stats()
        statistics: dict[Any, Any] = {
            function: entry for function, entry in found.stats.items() if function[2] != _DISABLE
        }
        # pstats refuses to read of no call at all.
        return {"profile": profile.encode(statistics or found.stats)}
