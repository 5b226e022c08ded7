"""Where and as what jobs run."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

import pytest

from picloud.client.contexts import Contexts, clean_environment
from picloud.exceptions import CloudException
from picloud.model.context import Context, content_hash


def _context(contexts: Contexts, bundle: str = "", pass_env: str = "", **variables: str) -> Context:
    encoded = contexts.current(bundle, pass_env, variables)
    assert encoded.hash == content_hash(encoded.content)
    return Context.decode(encoded.content)


def test_it_is_this_process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    context = _context(Contexts(), "b" * 40)
    assert context.executable == sys.executable
    assert context.prefix == sys.prefix
    assert context.python == f"{sys.version_info.major}.{sys.version_info.minor}"
    assert context.cwd == str(tmp_path)
    assert context.path == tuple(sys.path)
    assert context.bundle == "b" * 40


def test_a_directory_that_was_removed_is_told_as_such(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(CloudException, match=r"directory that this process is in was removed(?s:.*)os\.chdir"):
        Contexts().current("", "", {})


def test_it_is_kept_until_something_changes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    contexts = Contexts()
    first = contexts.current("", "", {})
    assert contexts.current("", "", {}) is first
    seen = {first.hash}
    monkeypatch.chdir(tmp_path)
    seen.add(contexts.current("", "", {}).hash)
    monkeypatch.syspath_prepend(str(tmp_path))
    seen.add(contexts.current("", "", {}).hash)
    monkeypatch.setenv("LC_TIME", "C")
    seen.add(contexts.current("", "", {}).hash)
    seen.add(contexts.current("x", "", {}).hash)
    seen.add(contexts.current("x", "", {"A": "b"}).hash)
    assert len(seen) == 6
    monkeypatch.setenv("UNRELATED", "x")
    assert contexts.current("x", "", {"A": "b"}).hash in seen


@pytest.mark.parametrize("threads", [1, 2])
def test_the_mask_is_asked_without_changing_it(threads: int) -> None:
    stop = threading.Event()
    others = [threading.Thread(target=stop.wait) for _ in range(threads - 1)]
    for other in others:
        other.start()
    before = os.umask(0o027)
    try:
        assert _context(Contexts()).umask == 0o027
        assert os.umask(0o027) == 0o027
    finally:
        os.umask(before)
        stop.set()
        for other in others:
            other.join()


def test_the_environment_is_clean() -> None:
    environ = {
        "PATH": "/bin",
        "HOME": "/root",
        "LC_ALL": "C",
        "CONDA_PREFIX": "/conda",
        "LD_LIBRARY_PATH": "/lib",
        "PICLOUD_CPUS": "1",
        "PYTHONPATH": "/x",
        "AWS_SECRET": "x",
        "OMP_NUM_THREADS": "1",
        "LOCAL": "x",
    }
    names = {"PATH", "HOME", "LC_ALL", "CONDA_PREFIX", "LD_LIBRARY_PATH"}
    assert set(clean_environment(environ, "")) == names
    assert set(clean_environment(environ, "LOCAL, OMP_*")) == names | {"LOCAL", "OMP_NUM_THREADS"}


def test_variables_of_the_submission_come_on_top(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    environment = dict(_context(Contexts(), TZ="Europe/Paris", OTHER="x").environment)
    assert environment["TZ"] == "Europe/Paris"
    assert environment["OTHER"] == "x"
