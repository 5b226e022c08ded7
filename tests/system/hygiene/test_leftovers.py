"""What a job leaves in its process never reaches another submission's job, which here runs in the same process next."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest


def _look() -> dict[str, Any]:
    """Return what a job finds around itself; every module is imported inside, so that it travels as it stands here."""
    import builtins
    import locale
    import logging
    import os
    import resource
    import signal
    import socket
    import sys
    import threading
    import time
    import warnings

    mask = os.umask(0)
    os.umask(mask)
    return {
        "worker": os.getpid(),
        "folder": os.getcwd(),
        "environment": dict(os.environ),
        "path": list(sys.path),
        "umask": mask,
        "handlers": [repr(signal.getsignal(number)) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)],
        "blocked signals": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, ())),
        "alarm": signal.getitimer(signal.ITIMER_REAL),
        "logging": [repr(logging.root.handlers), logging.root.level, repr(logging.getLogger("a.b").handlers)],
        "warnings": [repr(each) for each in warnings.filters],
        "threads": threading.active_count(),
        "timeout": socket.getdefaulttimeout(),
        "recursion": sys.getrecursionlimit(),
        "arguments": list(sys.argv),
        "files": resource.getrlimit(resource.RLIMIT_NOFILE),
        "open": getattr(builtins, "left", None),
        "main": hasattr(sys.modules["__main__"], "left"),
        "zone": time.tzname,
        "locale": locale.setlocale(locale.LC_ALL),
        "trace": repr(sys.gettrace()),
        "finders": repr(sys.meta_path),
        "output": [sys.stdout is sys.__stdout__, [os.readlink(f"/proc/self/fd/{number}") for number in range(3)]],
    }


def _folder() -> None:
    import os

    os.chdir("/")


def _environment() -> None:
    import ctypes
    import os

    os.environ["LEFT"] = "behind"
    del os.environ["PATH"]
    ctypes.CDLL(None).putenv(b"LEFT_BY_C=behind")


def _replaced_environment() -> None:
    import os

    os.environ = {"LEFT": "behind"}  # type: ignore[assignment]  # noqa: B003 - careless code does this


def _zone() -> None:
    import os
    import time

    os.environ["TZ"] = "Asia/Tokyo"
    time.tzset()


def _path() -> None:
    import sys

    sys.path.insert(0, "/left/behind")
    sys.path = ["/left"]


def _umask() -> None:
    import os

    os.umask(0o777)


def _handlers() -> None:
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: None)
    signal.signal(signal.SIGUSR1, lambda *_: None)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGUSR2})
    signal.alarm(1000)


def _logging() -> None:
    import logging

    logging.basicConfig(level=logging.DEBUG, force=True)
    logging.getLogger("a.b").addHandler(logging.StreamHandler())
    logging.disable(logging.CRITICAL)


def _warnings() -> None:
    import warnings

    warnings.simplefilter("error")


def _interpreter() -> None:
    import builtins
    import socket
    import sys

    builtins.left = sys.modules["__main__"].left = "behind"  # type: ignore[attr-defined]  # the attribute is the leftover
    sys.argv = ["left", "behind"]
    sys.setrecursionlimit(333)
    sys.meta_path.clear()
    sys.settrace(lambda *_: None)
    socket.setdefaulttimeout(0.01)


def _limits() -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_NOFILE, (64, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))


def _output() -> None:
    import os
    import sys

    sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - it is what is left behind
    os.close(2)
    os.dup2(os.open(os.devnull, os.O_RDWR), 1)


def _daemon_thread() -> None:
    import threading

    threading.Thread(target=threading.Event().wait, daemon=True).start()


_LEFTOVERS: list[Callable[[], None]] = [
    _folder,
    _environment,
    _replaced_environment,
    _zone,
    _path,
    _umask,
    _handlers,
    _logging,
    _warnings,
    _interpreter,
    _limits,
    _output,
]


@pytest.mark.parametrize("leave", _LEFTOVERS, ids=lambda leave: leave.__name__.strip("_"))
def test_leftovers_do_not_reach_the_next_job(leave: Callable[[], None], one_core: None, cloud: ModuleType) -> None:
    before = cloud.result(cloud.call(_look))
    cloud.result(cloud.call(leave))
    assert cloud.result(cloud.call(_look)) == before


def test_a_job_that_fails_leaves_as_little(one_core: None, cloud: ModuleType) -> None:
    def fail() -> None:
        for leave in _LEFTOVERS:
            leave()
        raise ValueError

    before = cloud.result(cloud.call(_look))
    cloud.join(cloud.call(fail), ignore_errors=True)
    assert cloud.result(cloud.call(_look)) == before


def test_output_after_a_job_that_closed_its_own_is_kept(one_core: None, cloud: ModuleType) -> None:
    def speak() -> None:
        import subprocess

        print("said")
        subprocess.run(["sh", "-c", "echo also; echo loud >&2"], check=True)

    cloud.join(cloud.call(_output))
    jid = cloud.call(speak)
    cloud.join(jid)
    info = cloud.info(jid)[jid]
    assert sorted(info["stdout"].split()) == ["also", "said"]
    assert info["stderr"] == "loud\n"


def test_a_daemon_thread_may_stay_and_does_no_harm(one_core: None, cloud: ModuleType) -> None:
    worker = cloud.result(cloud.call(_look))["worker"]
    cloud.result(cloud.call(_daemon_thread))
    assert cloud.result(cloud.call(_look))["worker"] == worker
