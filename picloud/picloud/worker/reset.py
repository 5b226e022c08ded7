"""What a job can change in its process and the next submission's jobs must not see, and how it is put back.

The baseline is taken once, when the worker is ready and has run nothing.  What cannot be put back is named, and the worker ends.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # C's half of `signal`, for which nobody wrote types
import builtins
import gc
import logging
import os
import resource
import signal
import socket
import sys
import threading
import warnings
from collections.abc import Callable
from typing import Any

# The functions of the module `signal` turn every number and handler into an enum, which costs more than all else here.
_handler_of = _signal.getsignal
_SIGNALS = sorted(map(int, signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}))
_LIMITS = [
    getattr(resource, f"RLIMIT_{name}")
    for name in ("AS", "CORE", "CPU", "DATA", "FSIZE", "NOFILE", "NPROC", "STACK")
    if hasattr(resource, f"RLIMIT_{name}")
]
_TIMERS = (signal.ITIMER_REAL, signal.ITIMER_VIRTUAL, signal.ITIMER_PROF)


class Baseline:
    """The state of a process that has run no job."""

    def __init__(self) -> None:
        """Take it."""
        self._handlers = [(number, _handler_of(number)) for number in _SIGNALS]
        self._limits = {kind: resource.getrlimit(kind) for kind in _LIMITS}
        self._cpus = os.sched_getaffinity(0)
        self._priority = os.getpriority(os.PRIO_PROCESS, 0)
        self._ids = os.getresuid() + os.getresgid()
        self._builtins = dict(vars(builtins))
        self._main = dict(vars(sys.modules["__main__"]))
        self._hooks = (sys.excepthook, sys.displayhook, sys.breakpointhook, sys.unraisablehook, threading.excepthook)
        self._recursion = sys.getrecursionlimit()
        self._switch = sys.getswitchinterval()
        self._argv = list(sys.argv)
        self._meta_path = list(sys.meta_path)
        self._path_hooks = list(sys.path_hooks)
        self._warnings = list(warnings.filters)
        self._showwarning = warnings.showwarning
        self._gc = gc.get_threshold()
        self._logging = _LoggingState()

    def note_meta_path(self) -> None:
        """Take the finders of modules anew: the bundle's has come since."""
        self._meta_path = list(sys.meta_path)

    def restore(self) -> str:
        """Put everything back; return what could not be, or ''."""
        self._restore_signals()
        self._restore_interpreter()
        self._logging.restore()
        return self._restore_kernel()

    def _restore_signals(self) -> None:
        for timer in _TIMERS:
            signal.setitimer(timer, 0)
        signal.set_wakeup_fd(-1)
        _signal.pthread_sigmask(signal.SIG_SETMASK, ())
        for number, handler in self._handlers:
            if _handler_of(number) is not handler and handler is not None:
                signal.signal(number, handler)

    def _restore_interpreter(self) -> None:
        _restore_dict(vars(builtins), self._builtins)
        _restore_dict(vars(sys.modules["__main__"]), self._main)
        sys.excepthook, sys.displayhook, sys.breakpointhook, sys.unraisablehook, threading.excepthook = self._hooks
        sys.settrace(None)
        sys.setprofile(None)
        if sys.getrecursionlimit() != self._recursion:
            sys.setrecursionlimit(self._recursion)
        if sys.getswitchinterval() != self._switch:
            sys.setswitchinterval(self._switch)
        sys.argv = list(self._argv)
        _restore_list(sys.meta_path, self._meta_path)
        _restore_list(sys.path_hooks, self._path_hooks)
        if warnings.filters != self._warnings:
            warnings.resetwarnings()
            warnings.filters[:] = self._warnings  # type: ignore[index]  # a list, whatever its type says
        warnings.showwarning = self._showwarning
        gc.enable()
        if gc.get_threshold() != self._gc:
            gc.set_threshold(*self._gc)
        socket.setdefaulttimeout(None)

    def _restore_kernel(self) -> str:
        if os.getresuid() + os.getresgid() != self._ids:
            return "a job changed its user or group"
        try:
            for kind, limits in self._limits.items():
                if resource.getrlimit(kind) != limits:
                    resource.setrlimit(kind, limits)
            if os.sched_getaffinity(0) != self._cpus:
                os.sched_setaffinity(0, self._cpus)
            if os.getpriority(os.PRIO_PROCESS, 0) != self._priority:
                os.setpriority(os.PRIO_PROCESS, 0, self._priority)
        except (OSError, ValueError) as error:
            return f"a job's limits, CPUs or priority cannot be put back: {error}"
        return ""


class _LoggingState:
    """Handlers and levels of every logger; those that came since are made as new, since modules may still hold them."""

    def __init__(self) -> None:
        self._loggers = {logger: _settings(logger) for logger in [logging.root, *_loggers()]}
        self._disabled = logging.root.manager.disable
        self._class = logging.getLoggerClass()
        self._factory: Callable[..., Any] = logging.getLogRecordFactory()

    def restore(self) -> None:
        for logger in [logging.root, *_loggers()]:
            level, handlers, filters, propagate, disabled = self._loggers.get(
                logger, (logging.NOTSET, [], [], True, False)
            )
            if logger.level != level:
                logger.setLevel(level)
            if logger.handlers != handlers:
                # Libraries add these when they are imported, to stay silent.
                handlers = handlers or [each for each in logger.handlers if isinstance(each, logging.NullHandler)]
                logger.handlers[:] = handlers
            logger.filters[:] = filters
            logger.propagate, logger.disabled = propagate, disabled
        if logging.root.manager.disable != self._disabled:
            logging.disable(self._disabled)
        logging.setLoggerClass(self._class)
        logging.setLogRecordFactory(self._factory)


def _loggers() -> list[logging.Logger]:
    return [each for each in logging.root.manager.loggerDict.values() if isinstance(each, logging.Logger)]


def _settings(logger: logging.Logger) -> tuple[int, list[logging.Handler], list[Any], bool, bool]:
    return logger.level, list(logger.handlers), list(logger.filters), logger.propagate, logger.disabled


def _restore_list(found: list[Any], wanted: list[Any]) -> None:
    if found != wanted:
        found[:] = wanted


def _restore_dict(found: dict[str, Any], wanted: dict[str, Any]) -> None:
    try:
        same = found == wanted
    except Exception:
        # Values of jobs are compared here, and some refuse.
        same = False
    if not same:
        found.clear()
        found.update(wanted)
