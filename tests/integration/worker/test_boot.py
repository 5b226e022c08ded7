"""A supervisor's first steps, which any Python can take."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from picloud.wire import messages
from picloud.wire.channel import Channel

ROOT = str(Path(__file__).parents[3] / "picloud")
OWN = f"{sys.version_info.major}.{sys.version_info.minor}"


@contextmanager
def _booted() -> Iterator[tuple[Channel, subprocess.Popen[bytes]]]:
    """Boot without site-packages, where cloudpickle and multiprocess are."""
    ours, theirs = socket.socketpair()
    command = [sys.executable, "-S", "-P", "-m", "picloud.worker.boot", "--fd", str(theirs.fileno())]
    with subprocess.Popen(command, pass_fds=(theirs.fileno(),), env={"PYTHONPATH": ROOT}, cwd="/") as process:
        theirs.close()
        channel = Channel(ours)
        channel.socket.settimeout(20)
        try:
            yield channel, process
        finally:
            channel.close()


@pytest.mark.parametrize("python", ["2.7", "3.99", ""])
def test_another_python_says_which_it_is_and_ends_with_its_node(python: str) -> None:
    with _booted() as (channel, process):
        answer = channel.request(messages.Configure("/nonexistent", "generation", os.getpid(), python)).message
        assert answer == messages.SupervisorReady(process.pid, OWN, "")
        assert process.poll() is None
        channel.close()
        assert process.wait(20) == 0


def test_a_node_that_goes_at_once_is_no_fault() -> None:
    with _booted() as (channel, process):
        channel.close()
        assert process.wait(20) == 0


@pytest.mark.parametrize("arguments", [[], ["--fd"], ["--fd", "x"], ["--fd", "3", "4"], ["-h"]])
def test_a_wrong_command_line_is_told(arguments: list[str]) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "picloud.worker.boot", *arguments],
        env={"PYTHONPATH": ROOT},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 1
    assert result.stderr.startswith("usage:")
