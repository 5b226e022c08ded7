"""What cannot travel between processes, and what to do instead."""

from __future__ import annotations

import pickle
from typing import Any

LIST_IT = "make a list of it first, or call what makes it inside the job"
"""Advice about everything that yields its values once."""

_OF_ITS_OWN = "create it inside the job: each job has a process of its own, and shares nothing with this one"
_CONNECT = "pass the address, and connect inside the job"
_LOOP = "run it inside the job, such as by asyncio.run(...)"

_ADVICE = {
    "builtins.generator": LIST_IT,
    "builtins.async_generator": LIST_IT,
    "builtins.coroutine": _LOOP,
    "_asyncio.Task": _LOOP,
    "_asyncio.Future": _LOOP,
    "_thread.lock": _OF_ITS_OWN,
    "_thread.RLock": _OF_ITS_OWN,
    "_thread._local": _OF_ITS_OWN,
    "_thread._ThreadHandle": _OF_ITS_OWN,
    "threading.Thread": _OF_ITS_OWN,
    "concurrent.futures._base.Executor": _OF_ITS_OWN,
    "multiprocessing.pool.Pool": _OF_ITS_OWN,
    "socket.socket": _CONNECT,
    "_socket.socket": _CONNECT,
    "_ssl._SSLSocket": _CONNECT,
    "sqlite3.Connection": "pass the file's name, and connect inside the job",
    "sqlite3.Cursor": "fetch its rows, and pass those",
    "mmap.mmap": "pass its bytes, or the file's name",
    "builtins.frame": "pass its text: traceback.format_exc()",
    "builtins.traceback": "pass its text: traceback.format_exc()",
    "weakref.ReferenceType": "pass the object itself",
    "builtins.weakref": "pass the object itself",
}
"""By full name, so that nothing has to be imported for it."""

OTHERWISE = "pass what it is made from, or a file's name, and build it inside the job"
"""Advice about everything else."""


class Refused(pickle.PicklingError):
    """A value that is refused on purpose, with what to do instead."""

    def __init__(self, text: str, advice: str = "") -> None:
        """Say why, and what to do."""
        super().__init__(text)
        self.advice = advice


def iterator(value: object) -> Any:
    """Refuse an iterator of itertools, which later versions of Python cannot pickle either.

    Raises:
        Refused: always.
    """
    raise Refused(f"cannot pickle '{type(value).__module__}.{type(value).__qualname__}' object", LIST_IT)


def advice(culprit: object, error: BaseException) -> str:
    """Return what to do about a value that could not be pickled, in words."""
    if isinstance(error, Refused) and error.advice:
        return error.advice
    for kind in type(culprit).__mro__:
        if kind.__module__ == "itertools":
            return LIST_IT
        found = _ADVICE.get(f"{kind.__module__}.{kind.__qualname__}")
        if found is not None:
            return found
    return OTHERWISE


def is_too_deep(error: BaseException) -> bool:
    """Return whether a value is nested deeper than the pickler goes."""
    return isinstance(error, RecursionError) or isinstance(error.__cause__, RecursionError)
