"""What holds for every test: nothing is left behind, nobody's real home is touched, and nothing is skipped with CI=true."""

from __future__ import annotations

import gc
import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import hypothesis
import psutil
import pytest

pytest.register_assert_rewrite("picloud.testing.place_contract")

from picloud.testing.node import stop_home, temporary_home  # noqa: E402 - its neighbour must be registered before

PATIENCE = 5.0
"""Seconds that a test's leftovers get to end by themselves."""

hypothesis.settings.register_profile("picloud", deadline=None, print_blob=True)
hypothesis.settings.load_profile("picloud")


@pytest.fixture(autouse=True, scope="session")
def _no_real_home() -> Iterator[None]:
    """Take away the user's settings: what a test wants set it sets, and a home only comes from the fixture `home`."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("PICLOUD_")]:
            patch.delenv(name)
        patch.setenv("PICLOUD_HOME", "/nonexistent/this-test-needs-the-fixture-home")
        yield


@pytest.fixture(autouse=True)
def _nothing_is_left() -> Iterator[None]:
    """Fail a test after which a child process, a socket or a thread is there that was not before."""
    before = _belongings()
    yield
    deadline = time.monotonic() + PATIENCE
    while (left := _belongings() - before) and time.monotonic() < deadline:
        gc.collect()
        time.sleep(0.01)
    if left:
        pytest.fail(f"the test left behind: {', '.join(sorted(left))}", pytrace=False)


def _belongings() -> set[str]:
    return _children() | _sockets() | {f"thread {thread.name} {thread.ident}" for thread in threading.enumerate()}


def _children() -> set[str]:
    found = set()
    for child in psutil.Process().children(recursive=True):
        try:
            found.add(f"process {child.pid} {' '.join(child.cmdline()) or child.name()}")
        except psutil.NoSuchProcess:
            continue
    return found


def _sockets() -> set[str]:
    found = set()
    for descriptor in Path("/proc/self/fd").iterdir():
        try:
            target = str(descriptor.readlink())
        except FileNotFoundError:
            continue
        if target.startswith("socket:"):
            found.add(target.replace(":", " "))
    return found


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give a fresh PICLOUD_HOME on a short path; afterwards stop its node, and see that no process carries it any more."""
    folder = temporary_home()
    monkeypatch.setenv("PICLOUD_HOME", str(folder))
    yield folder
    close: Callable[[], object] | None = getattr(sys.modules.get("cloud"), "close", None)
    if close is not None:
        close()
    left = stop_home(folder)
    shutil.rmtree(folder, ignore_errors=True)
    if left:
        pytest.fail(f"outlived the node of {folder}: {'; '.join(left)}", pytrace=False)


def _in_ci() -> bool:
    return os.environ.get("CI", "").lower() in {"1", "true"}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Make a skipped test a failed one where everything that tests need is meant to be there."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and _in_ci():
        _fail(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Make a module that skips itself a failed one, likewise."""
    report = yield
    if report.skipped and _in_ci():
        _fail(report)
    return report


def _fail(report: pytest.TestReport | pytest.CollectReport) -> None:
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    report.outcome = "failed"
    report.longrepr = f"With CI=true nothing may be skipped. {reason}"
