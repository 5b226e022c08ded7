"""Output: each item has its own, whoever wrote it, and nothing of anybody else's."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import threading
import time
from typing import Any

import pytest

from picloud.model import arena, job
from picloud.model.outcome import RowFlag
from picloud.worker import spool


def outputs(ends: list[Any], key: str = "out") -> list[bytes]:
    return [end.output(key) for end in ends]


def c_printf(text: bytes) -> None:
    ctypes.CDLL(None).printf(b"%s", text)


def write_to_original(text: str) -> None:
    assert sys.__stdout__ is not None
    sys.__stdout__.write(text)


WRITERS = {
    "print": lambda text: print(text, end=""),
    "print line": print,
    "write": lambda text: sys.stdout.write(text) and None,
    "buffer": lambda text: sys.stdout.buffer.write(text.encode()) and None,
    "descriptor": lambda text: os.write(1, text.encode()) and None,
    "subprocess": lambda text: subprocess.run(["printf", "%s", text], check=True) and None,
    "shell": lambda text: os.system(f"printf %s '{text}'") and None,
    "c": lambda text: c_printf(text.encode()),
    "c line": lambda text: c_printf(text.encode() + b"\n"),
    "own stream": lambda text: print(text, end="", file=os.fdopen(os.dup(1), "w")),
    "reopened": lambda text: print(text, end="", file=open("/dev/stdout", "a")),  # noqa: SIM115 - left open on purpose
    "original": write_to_original,
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("how", WRITERS)
def test_whoever_writes(worker: Any, how: str) -> None:
    write = WRITERS[how]
    ends = worker.run(lambda i, write: write(f"item {i}") if i % 2 else None, [(i, write) for i in range(6)])
    assert {end.status for end in ends} == {job.DONE}, ends
    assert [text.strip() for text in outputs(ends)] == [b"", b"item 1", b"", b"item 3", b"", b"item 5"]
    assert ("out" in ends[0].meta) is False


@pytest.mark.parametrize("how", ["print", "print line", "write", "buffer", "descriptor", "c line", "original"])
def test_quick_items_of_one_ticket(worker: Any, how: str) -> None:
    write = WRITERS[how]
    ends = worker.run_all(
        lambda i, write: write(f"item {i}") if i % 7 == 0 else None, [(i, write) for i in range(700)], group=100
    )
    texts = [text.strip() for text in outputs(ends)]
    assert texts == [f"item {i}".encode() if i % 7 == 0 else b"" for i in range(700)]


def test_both_streams(worker: Any) -> None:
    def both() -> None:
        print("to out")
        print("to err", file=sys.stderr)
        os.write(2, b"raw")

    end = worker.call(both)
    assert end.meta == {"out": "to out\n", "err": "to err\nraw"}


def test_small_output_takes_no_room_in_the_spool(worker: Any) -> None:
    path = worker.driver.home / "spool" / f"generation-1-{worker.id}.out"
    for _ in range(3):
        ends = worker.run_all(print, [("x" * 100,)] * 50, group=10)
        assert outputs(ends) == [b"x" * 100 + b"\n"] * 50
        assert path.stat().st_size == 0
    assert path.stat().st_mode & 0o777 == 0o600


def test_larger_output_stays_in_the_spool(worker: Any) -> None:
    ends = worker.run_all(lambda i: print(str(i) * 3000), [(i,) for i in range(5)], group=5)
    assert outputs(ends) == [str(i).encode() * 3000 + b"\n" for i in range(5)]
    assert all(end.flags & RowFlag.SPOOLED for end in ends)
    assert ends[1].meta["out"] == [3001, 3001]
    ends = worker.run(print, [("small",)])
    assert outputs(ends) == [b"small\n"]
    assert not ends[0].flags & RowFlag.SPOOLED


def test_what_is_not_text(worker: Any) -> None:
    end = worker.call(lambda: os.write(1, b"\xff\xfe") and None)
    assert end.output() == b"\xff\xfe"
    assert end.flags & RowFlag.SPOOLED
    end = worker.call(lambda: print("\udc80 \udcff"))
    assert end.output() == b"\x80 \xff\n"


@pytest.mark.parametrize("limit", [1000, 5000, 300_000])
def test_of_a_flood_head_and_tail_are_kept(worker: Any, limit: int) -> None:
    def flood() -> None:
        for i in range(100_000):
            print(f"{i:09}")

    end = worker.call(flood, max_output=limit)
    start, length, head, tail = end.meta["out"]
    text = end.output()
    assert length == 1_000_000
    assert head + tail == limit == len(text)
    assert text.startswith(b"000000000\n000000001\n")
    assert text.endswith(b"000099998\n000099999\n")
    assert worker.call(print, "after").output() == b"after\n"
    path = worker.driver.home / "spool" / f"{end.meta['spool']}.out"
    assert path.stat().st_blocks * 512 < start + limit + (64 << 10)


def test_without_a_limit_everything_is_kept(worker: Any) -> None:
    end = worker.call(lambda: print("x" * 3_000_000), max_output=0)
    assert len(end.output()) == 3_000_001


def test_a_flood_is_cut_while_the_item_runs(worker: Any) -> None:
    def flood(seconds: float) -> int:
        until = time.monotonic() + seconds
        written = 0
        while time.monotonic() < until:
            written += os.write(1, b"0123456789abcde\n" * 8192)
            time.sleep(0.002)
        return written

    path = worker.driver.home / "spool" / f"generation-1-{worker.id}.out"
    worker.send(flood, [(1.0,)], max_output=10_000)
    worker.wait_current(0)
    seen = 0
    while worker.u64(arena.DONE) == 0:
        stat = path.stat()
        seen = max(seen, stat.st_size - stat.st_blocks * 512)
        time.sleep(0.02)
    end = worker.finish()[0]
    assert end.meta["out"][1:] == [end.value(), 5000, 5000]
    assert end.output() == (b"0123456789abcde\n" * 313)[:5000] + (b"0123456789abcde\n" * 313)[-5000:]
    assert seen > 1 << 20, "nothing was cut before the end"


def test_where_the_running_items_output_begins(worker: Any) -> None:
    def talk(seconds: float) -> None:
        print("x" * 5000)
        time.sleep(seconds)

    worker.send(talk, [(0,), (0.5,)], group=2)
    worker.wait_current(1)
    deadline = time.monotonic() + 5
    while os.fstat(worker.out).st_size < 10_002:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert worker.u64(arena.OUT_START) == 5001
    assert os.pread(worker.out, 10_000, 5001) == b"x" * 5000 + b"\n"
    worker.finish()


def close_stdout() -> None:
    sys.stdout.close()


def test_streams_that_an_item_closed_or_replaced_fail_only_there(worker: Any) -> None:
    def replace(i: int) -> None:
        import io

        if i == 1:
            sys.stdout = io.TextIOWrapper(os.fdopen(os.dup(1), "wb", buffering=100_000), write_through=False)
            print("held back")

    ends = worker.run(replace, [(i,) for i in range(3)])
    assert ends[1].output() == b"held back\n"
    worker.call(close_stdout)
    assert worker.call(print, "again").output() == b"again\n"


def test_the_output_of_an_item_that_raises(worker: Any) -> None:
    def noisy() -> None:
        print("before")
        raise ValueError

    end = worker.call(noisy)
    assert end.status == job.ERROR
    assert end.output() == b"before\n"


def test_a_full_disk_for_output_is_the_jobs_own_error(worker: Any) -> None:
    def fill() -> None:
        full = os.open("/dev/full", os.O_WRONLY)
        os.dup2(full, 1)
        print("x")

    assert worker.call(fill).status in (job.ERROR, job.DONE)
    assert worker.call(print, "fine").output() == b"fine\n"


def test_what_is_written_between_chunks_is_nobodys(worker: Any) -> None:
    def later() -> None:
        timer = threading.Timer(0.02, print, ["late"])
        timer.daemon = True
        timer.start()

    path = worker.driver.home / "spool" / f"generation-1-{worker.id}.out"
    worker.call(later)
    deadline = time.monotonic() + 5
    while not path.stat().st_size:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    assert worker.call(print, "mine").output() == b"mine\n"


def test_head_and_tail_share_the_limit() -> None:
    assert spool.kept(10) == (5, 5)
    assert spool.kept(11) == (5, 6)
