"""Puts a worker where a submission wants to run: environment, working folder, search path, file mode mask."""

from __future__ import annotations

import ctypes
import itertools
import os
import sys
import time
from collections.abc import Mapping

from picloud.exceptions import CloudException
from picloud.model.context import Context

_libc = ctypes.CDLL(None)
_libc.clearenv.argtypes = ()
_environ = ctypes.POINTER(ctypes.c_char_p).in_dll(_libc, "environ")
_os_environ = os.environ
_sys_path = sys.path


class ContextError(CloudException):
    """A job's context cannot be had here."""

    code = "job.context"


class Surroundings:
    """What was set last, so that the same context again costs a look."""

    __slots__ = ("_environment", "_extra")

    def __init__(self, extra: Mapping[str, str]) -> None:
        """Every job's environment also holds `extra`."""
        self._extra = dict(extra)
        self._environment: list[bytes] = []

    def enter(self, context: Context) -> None:
        """Set everything to the context's, whatever a job has left.

        Raises:
            ContextError: if the working folder cannot be entered; all else is set then.
        """
        self._set_environment(dict(context.environment) | self._extra)
        if sys.path is not _sys_path or sys.path != list(context.path):
            sys.path = _sys_path
            sys.path[:] = context.path
        os.umask(context.umask)
        try:
            os.chdir(context.cwd)
        except OSError as error:
            os.chdir("/")
            raise ContextError(
                f"The folder that the job was submitted from cannot be entered: {context.cwd} ({error.strerror})",
                hint="submit from a folder that exists where the job runs",
            ) from None

    def _set_environment(self, wanted: Mapping[str, str]) -> None:
        expected = [os.fsencode(f"{name}={value}") for name, value in wanted.items()]
        if os.environ is _os_environ and expected == self._environment == _current():
            return
        os.environ = _os_environ
        os.environ.clear()
        _libc.clearenv()
        os.environ.update(wanted)
        time.tzset()
        self._environment = expected


def _current() -> list[bytes]:
    """Return the environment as C sees it, which putenv(3) changes too: what a job's subprocesses would get."""
    return list(itertools.takewhile(bool, map(_environ.__getitem__, itertools.count()))) if _environ else []
