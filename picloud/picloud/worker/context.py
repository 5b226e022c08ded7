"""Puts a worker where a submission wants to run: environment, working folder, search path, file mode mask."""

from __future__ import annotations

import _thread
import ctypes
import os
import sys
import time
from collections.abc import Mapping

from picloud.exceptions import CloudException
from picloud.model.context import Context

_libc = ctypes.CDLL(None)
_libc.clearenv.argtypes = ()
_environ = ctypes.c_void_p.in_dll(_libc, "environ")
_POINTER = ctypes.sizeof(ctypes.c_void_p)
_os_environ = os.environ
_sys_path = sys.path


class ContextError(CloudException):
    """A job's context cannot be had here."""

    code = "job.context"


class Surroundings:
    """What was set last, so that the same context again costs a look."""

    __slots__ = ("_address", "_context", "_extra", "_pointers", "_ready")

    def __init__(self, extra: Mapping[str, str]) -> None:
        """Every job's environment also holds `extra`."""
        self._extra = dict(extra)
        self._context: Context | None = None
        self._ready: Context | None = None
        self._address = 0
        self._pointers = b""

    def enter(self, context: Context) -> None:
        """Set everything to the context's, whatever a job has left.

        Raises:
            ContextError: if the working folder cannot be entered; all else is set then.
        """
        ready, self._ready = self._ready, None
        if context is not ready:
            self._set(context)
        # Each time: another folder may have come to this path since.
        try:
            os.chdir(context.cwd)
        except OSError as error:
            os.chdir("/")
            raise ContextError(
                f"The folder that the job was submitted from cannot be entered: {context.cwd} ({error.strerror})",
                hint="submit from a folder that exists where the job runs",
            ) from None

    def prepare(self) -> None:
        """Set all but the folder to the last context's while nobody waits, so that entering it once more takes less.

        Where a thread of a job goes on in the background, it could be changed again until then.
        """
        if self._context is not None and not _thread._count():  # noqa: SLF001 - the one cheap way to ask
            self._set(self._context)
            self._ready = self._context

    def _set(self, context: Context) -> None:
        if context is not self._context or os.environ is not _os_environ or self._environment_changed():
            self._set_environment(dict(context.environment) | self._extra)
            self._context = context
        if sys.path is not _sys_path or tuple(sys.path) != context.path:
            sys.path = _sys_path
            sys.path[:] = context.path
        os.umask(context.umask)

    def _set_environment(self, wanted: Mapping[str, str]) -> None:
        os.environ = _os_environ  # noqa: B003 - it is emptied next
        os.environ.clear()
        _libc.clearenv()
        os.environ.update(wanted)
        time.tzset()
        self._address = _environ.value or 0
        self._pointers = self._read_pointers(len(wanted) + 1)

    def _environment_changed(self) -> bool:
        """Return whether anything set a variable since, putenv(3) in a library included: its entry then points elsewhere."""
        # Where the list itself is another one, it may be shorter than what would be read.
        return _environ.value != self._address or self._read_pointers(len(self._pointers) // _POINTER) != self._pointers

    def _read_pointers(self, count: int) -> bytes:
        return ctypes.string_at(self._address, count * _POINTER) if self._address else b""
