"""What a job leaves in its process never reaches another submission's job."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest

from picloud.model import job


def state() -> dict[str, Any]:
    """Return what a job can see of its process."""
    import builtins
    import decimal
    import gc
    import locale
    import logging
    import resource
    import socket
    import subprocess
    import threading
    import warnings

    return {
        "environment": {**os.environ},
        "c environment": sorted(subprocess.run(["/usr/bin/env"], capture_output=True, check=True).stdout.splitlines()),
        "cwd": os.getcwd(),
        "umask": (os.umask(0o77), os.umask(0o22))[0],
        "path": list(sys.path),
        "meta_path": [str(type(finder)) for finder in sys.meta_path],
        "handlers": [signal.getsignal(number) for number in (1, 2, 10, 12, 14, 15, 17)].__repr__(),
        "mask": signal.pthread_sigmask(signal.SIG_BLOCK, ()),
        "timers": [signal.getitimer(timer)[1] for timer in (0, 1, 2)],
        "alarm": signal.alarm(0),
        "limits": [resource.getrlimit(kind) for kind in (resource.RLIMIT_NOFILE, resource.RLIMIT_CORE)],
        "cpus": sorted(os.sched_getaffinity(0)),
        "logging": (
            logging.root.level,
            len(logging.root.handlers),
            logging.root.manager.disable,
            logging.getLogger("mine").level,
            len(logging.getLogger("mine").handlers),
            logging.getLogger("mine").propagate,
        ),
        "warnings": list(warnings.filters),
        "hooks": [hook.__name__ for hook in (sys.excepthook, sys.displayhook, threading.excepthook)],
        "builtins": (len(vars(builtins)), ascii("é")),
        "main": sorted(vars(sys.modules["__main__"])),
        "argv": sys.argv,
        "recursion": sys.getrecursionlimit(),
        "trace": (sys.gettrace(), sys.getprofile()),
        "gc": (gc.isenabled(), gc.get_threshold()),
        "timeout": socket.getdefaulttimeout(),
        "streams": [(stream.fileno(), stream.name, stream.closed) for stream in (sys.stdin, sys.stdout, sys.stderr)],
        "originals": [
            stream is other for stream, other in ((sys.stdout, sys.__stdout__), (sys.stderr, sys.__stderr__))
        ],
        "targets": [os.readlink(f"/proc/self/fd/{number}") for number in (0, 1, 2)],
        "inheritable": [os.get_inheritable(number) for number in (0, 1, 2)],
        "precision": decimal.getcontext().prec,
        "locale": locale.setlocale(locale.LC_ALL),
    }


def change_environment() -> None:
    os.environ["LEFT"] = "behind"
    del os.environ["HOME"]


def change_c_environment() -> None:
    os.putenv("LEFT", "behind")


def replace_environment() -> None:
    os.environ = {"LEFT": "behind"}  # type: ignore[assignment] # noqa: B003


def clear_environment() -> None:
    os.environ.clear()


def change_cwd() -> None:
    os.chdir("/")


def vanish_cwd() -> None:
    import tempfile

    folder = tempfile.mkdtemp()
    os.chdir(folder)
    os.rmdir(folder)


def change_umask() -> None:
    os.umask(0)


def change_path() -> None:
    sys.path.insert(0, "/left")
    sys.path_hooks.append(lambda _path: None)  # type: ignore[arg-type, return-value]  # no hook that any importer would have
    sys.meta_path.append(object())  # type: ignore[arg-type]  # no finder


def replace_path() -> None:
    sys.path = ["/left"]
    sys.meta_path = []
    sys.argv = ["left"]


def change_signals() -> None:
    for number in (1, 2, 10, 12, 14, 15):
        signal.signal(number, lambda *_: None)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1, signal.SIGTERM, signal.SIGINT})
    signal.set_wakeup_fd(os.open(os.devnull, os.O_WRONLY | os.O_NONBLOCK))


def change_timers() -> None:
    signal.signal(signal.SIGALRM, lambda *_: None)
    signal.alarm(1000)
    signal.setitimer(signal.ITIMER_PROF, 1000, 1000)


def change_logging() -> None:
    import logging

    logging.basicConfig(level=logging.DEBUG, force=True)
    logging.disable(logging.ERROR)
    mine = logging.getLogger("mine")
    mine.setLevel(5)
    mine.addHandler(logging.StreamHandler())
    mine.propagate = False
    logging.setLoggerClass(type("Own", (logging.Logger,), {}))


def change_interpreter() -> None:
    import builtins
    import gc
    import socket
    import threading
    import warnings

    import __main__

    warnings.simplefilter("error")
    builtins.left = 1  # type: ignore[attr-defined]  # the attribute is the leftover
    builtins.ascii = lambda _x: ""
    setattr(__main__, "left", 1)  # noqa: B010 - no checker knows it
    sys.excepthook = lambda *_: None
    sys.displayhook = lambda _: None
    threading.excepthook = lambda _: None
    sys.setrecursionlimit(5000)
    sys.settrace(lambda *_: None)
    sys.setprofile(lambda *_: None)
    gc.disable()
    gc.set_threshold(1, 1, 1)
    socket.setdefaulttimeout(3)


def change_kernel() -> None:
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft - 1, hard))
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def close_streams() -> None:
    sys.stdout.close()
    sys.stderr.close()
    sys.stdin.close()


def close_descriptors() -> None:
    for number in (0, 1, 2):
        os.close(number)


def replace_descriptors() -> None:
    other = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(other, number)
        os.set_inheritable(number, False)


def replace_streams() -> None:
    import io

    sys.stdout = sys.stderr = sys.__stdout__ = io.StringIO()  # type: ignore[misc, assignment]  # a leftover of another type
    sys.stdin = io.StringIO()


def change_everything_and_raise() -> None:
    change_environment()
    change_cwd()
    replace_path()
    change_signals()
    replace_streams()
    raise SystemExit(3)


CHANGES: list[Callable[[], None]] = [
    change_environment,
    change_c_environment,
    replace_environment,
    clear_environment,
    change_cwd,
    vanish_cwd,
    change_umask,
    change_path,
    replace_path,
    change_signals,
    change_timers,
    change_logging,
    change_interpreter,
    change_kernel,
    close_streams,
    close_descriptors,
    replace_descriptors,
    replace_streams,
    change_everything_and_raise,
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: str(change.__name__))
def test_the_next_submission_sees_nothing_of_it(worker: Any, change: Callable[[], None]) -> None:
    before = worker.call(state).value()
    worker.call(change)
    assert worker.work.retire == ""
    end = worker.call(state)
    assert end.status == job.DONE, end.meta
    assert end.value() == before
    end = worker.call(lambda: (print("out"), os.write(2, b"err"))[0])
    assert end.output() == b"out\n"
    assert end.output("err") == b"err"


def test_a_thread_pool_in_c_keeps_what_it_has(worker: Any) -> None:
    """Modules stay loaded: their state is what makes a worker warm."""
    worker.call(lambda: sys.modules.setdefault("warm", sys))
    assert worker.call(lambda: "warm" in sys.modules).value()


def test_random_numbers_differ_between_workers(worker: Any, hire: Any) -> None:
    def draw() -> list[float]:
        import random

        return [random.random() for _ in range(3)]

    assert worker.call(draw).value() != hire().call(draw).value()


def test_a_late_alarm_does_not_reach_the_next_job(worker: Any) -> None:
    def arm() -> None:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, 0.1)

    worker.call(arm)
    assert worker.call(time.sleep, 0.3).status == job.DONE


def test_what_cannot_be_put_back_ends_the_worker_before_the_next_submission(worker: Any) -> None:
    def lower() -> None:
        """Give up what only the system's own user could take back, and be that user no more."""
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if os.geteuid() == 0:
            os.setresgid(65534, 65534, 65534)
            os.setresuid(65534, 65534, 65534)

    assert worker.call(lower).status == job.DONE
    assert worker.run(state, [()]) == []
    assert worker.work.done == 0
    assert "a job" in worker.work.retire
    assert worker.steal() == 0
    assert worker.driver.wait_ended(worker).status == 0
