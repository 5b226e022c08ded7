"""How a worker ended, as a cause and in words that help."""

from __future__ import annotations

import os
import signal
import sys

import pytest

from picloud.model.cause import Cause, CauseKind
from picloud.node.endings import LAST_LINES, cause_of, last_words

from .peer import Peer, chunk_of


def _status(code: str) -> int:
    """Return the wait status of a process that runs a program."""
    pid = os.spawnv(os.P_NOWAIT, sys.executable, [sys.executable, "-S", "-c", code])
    return os.waitpid(pid, 0)[1]


@pytest.mark.parametrize("code", [0, 1, 3, 255])
def test_an_exit_has_its_status(code: int) -> None:
    cause = cause_of(_status(f"import os; os._exit({code})"))
    assert (cause.kind, cause.number) == (CauseKind.EXIT, code)
    assert f"exit status {code}" in cause.detail


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGABRT, signal.SIGRTMIN])
def test_a_signal_has_its_number_and_name(number: signal.Signals) -> None:
    cause = cause_of(_status(f"import os; os.kill(os.getpid(), {int(number)})"))
    assert (cause.kind, cause.number) == (CauseKind.SIGNAL, number)
    assert number.name in cause.detail


def test_a_signal_without_a_name_has_its_number() -> None:
    cause = cause_of(_status(f"import os; os.kill(os.getpid(), {int(signal.SIGRTMIN) + 5})"))
    assert cause.detail.endswith(f"signal {int(signal.SIGRTMIN) + 5}")


def test_last_words_quote_the_end_of_stderr_and_say_where_the_rest_is(peer: Peer) -> None:
    peer.begin(chunk_of(1))
    os.write(peer.err, b"of another item\n")
    peer.run(0)
    os.write(peer.out, b"result: 5\n")
    os.write(peer.err, b"".join(b"line %d\n" % number for number in range(100)) + b"\xff\xfe broken\n")
    words = last_words(
        peer.worker, Cause(CauseKind.SIGNAL, 11, "the worker process was ended by SIGSEGV"), 5_000_000, "spool"
    )
    assert words["cause"] == ["signal", 11, "the worker process was ended by SIGSEGV"]
    assert (words["peak"], words["spool"]) == (5_000_000, "spool")
    assert (words["worker"], words["started"]) == (peer.worker.id, peer.worker.current_started())
    assert words["out"] == [0, 10]
    assert words["err"][0] == 16
    lines = words["exception"].splitlines()
    assert "SIGSEGV" in lines[0]
    assert "5.0 MB" in words["exception"]
    assert lines[-2:] == ["  line 99", "  \ufffd\ufffd broken"]
    assert len([line for line in lines if line.startswith("  ")]) == LAST_LINES
    assert "of another item" not in words["exception"]


def test_an_exit_names_what_usually_is_behind_it(peer: Peer) -> None:
    peer.begin(chunk_of(1))
    peer.run(0)
    words = last_words(peer.worker, Cause(CauseKind.EXIT, 0, "the worker process ended with exit status 0"), 0, "spool")
    assert "os._exit" in words["exception"]
    assert "memory" not in words["exception"]
    assert not {"out", "err", "spool"} & set(words)
