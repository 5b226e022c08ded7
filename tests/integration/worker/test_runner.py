"""Chunks on real workers: order, tickets, arena, arguments and results."""

from __future__ import annotations

import os
import shutil
import threading
import time
from pathlib import Path
from typing import Any

import cloudpickle
import numpy as np
import pytest

from picloud.exceptions import ExcessiveDataError, SerializationError
from picloud.model import arena, arguments, job
from picloud.model.outcome import RowFlag
from picloud.wire import messages, payload


def double(x: Any) -> Any:
    return x * 2


def codes(ends: list[Any]) -> set[int]:
    return {end.status for end in ends}


def test_items_run_in_order(worker: Any) -> None:
    ends = worker.run_all(double, [(i,) for i in range(1000)], group=100)
    assert [end.value() for end in ends] == [i * 2 for i in range(1000)]
    assert codes(ends) == {job.DONE}
    assert not any(end.meta or end.flags for end in ends)
    assert worker.work.done == 1000
    assert worker.work.retire == ""


@pytest.mark.parametrize(("count", "group"), [(1, 1), (7, 1), (10, 4), (3, 100), (256, 256)])
def test_the_last_group_may_be_short(worker: Any, count: int, group: int) -> None:
    ends = worker.run_all(double, [(i,) for i in range(count)], group=group)
    assert [end.value() for end in ends] == [i * 2 for i in range(count)]


def test_a_call_takes_positional_and_keyword_arguments(worker: Any) -> None:
    end = worker.run(lambda *a, **k: (a, k), [((1, 2), {"c": 3})], is_map=False)[0]
    assert end.value() == ((1, 2), {"c": 3})


def test_chunk_numbers_pass_the_byte_of_a_ticket(worker: Any) -> None:
    first = worker.driver.next_first()
    for i in range(300):
        assert worker.run(double, [(i,)], first=first)[0].value() == i * 2


def test_times_are_of_the_item(worker: Any) -> None:
    before = time.time()
    end = worker.call(time.sleep, 0.05)
    started = arena.F64.unpack_from(worker.arena, arena.CHUNK_STARTED)[0]
    assert before <= started <= time.time()
    assert 0.05 <= end.runtime < 5


def test_the_running_item_is_named(worker: Any) -> None:
    worker.send(time.sleep, [(0,), (0.3,), (0,)])
    worker.wait_current(1)
    assert time.time() - arena.F64.unpack_from(worker.arena, arena.CURRENT_STARTED)[0] < 5
    assert [end.status for end in worker.harvest()] == [job.DONE]
    worker.finish()
    assert worker.current() == -1


def test_ends_are_announced_while_a_chunk_runs(worker: Any) -> None:
    worker.send(time.sleep, [(0.03,)] * 8)
    message = worker.channel.receive().message
    assert message == messages.Announce(worker.seq)
    assert 2 <= len(worker.harvest()) < 8
    assert len(worker.finish()) == 8


class TestTickets:
    """What the holder takes back is never run, and nothing is run twice."""

    def test_the_tail_is_taken_back_while_an_item_runs(self, worker: Any) -> None:
        worker.send(time.sleep, [(0.2,)] + [(0,)] * 9)
        worker.wait_current(0)
        assert worker.steal(keep=4) == 4
        assert len(worker.finish()) == 4
        assert worker.work.done == 4

    def test_everything_unstarted_can_be_taken_back(self, worker: Any) -> None:
        worker.send(time.sleep, [(0.2,)] + [(0,)] * 9, group=2)
        worker.wait_current(0)
        assert worker.steal() == 2
        assert len(worker.finish()) == 1, "what shares the ticket of an item that took long is left as well"

    def test_an_item_that_took_long_ends_its_chunk_if_others_share_its_ticket(self, worker: Any) -> None:
        worker.send(time.sleep, [(0,), (0.2,), (0,), (0,)], group=2)
        assert len(worker.finish()) == 2
        worker.steal()
        worker.send(time.sleep, [(0.2,), (0.2,), (0,)], group=3)
        assert len(worker.finish()) == 1
        assert worker.work.retire == ""
        worker.steal()
        worker.send(time.sleep, [(0.2,), (0,)], group=1)
        assert len(worker.finish()) == 2

    def test_a_chunk_without_tickets_ends_at_once(self, worker: Any) -> None:
        worker.seq += 1
        worker.seq -= 1
        writer, worker.writer = worker.writer, os.open(os.devnull, os.O_WRONLY)
        try:
            assert worker.run(double, [(1,)]) == []
        finally:
            os.close(worker.writer)
            worker.writer = writer
        assert worker.work.done == 0
        assert worker.call(double, 2).value() == 4

    @pytest.mark.parametrize("group", [1, 3])
    def test_stealing_at_any_time_loses_and_repeats_nothing(self, worker: Any, tmp_path: Path, group: int) -> None:
        """Items are marked in a file as they run; what the holder keeps and what was run are exactly the chunk."""
        log = tmp_path / "log"

        def mark(i: int, path: str) -> None:
            with open(path, "a") as opened:
                opened.write(f"{i}\n")

        for round_ in range(20):
            count = 400
            worker.send(mark, [(i, str(log)) for i in range(count)], group=group)
            time.sleep(0.0005 * round_)
            kept = worker.steal()
            ends = worker.finish()
            assert len(ends) == worker.work.done <= min(kept, count)
            assert len(ends) == min(kept, count) or group > 1, (
                "a machine that stands still ends a chunk of shared tickets"
            )
            worker.steal()
            ran = [int(line) for line in log.read_text().split()] if log.exists() else []
            assert ran == list(range(len(ends)))
            log.unlink(missing_ok=True)

    def test_an_item_may_leave_those_that_share_its_ticket(self, worker: Any) -> None:
        def leave(i: int) -> Any:
            from picloud.model import running

            assert running.current is not None
            assert running.current.part is not None
            return running.current.part() if i == 3 else None

        ends = worker.run(leave, [(i,) for i in range(20)], group=5)
        assert [end.value() for end in ends] == [None, None, None, (worker.seq, 3)]
        assert worker.work.done == 4
        worker.steal()
        assert worker.call(double, 2).value() == 4

    def test_nothing_is_left_by_an_item_that_has_a_ticket_of_its_own(self, worker: Any) -> None:
        def part() -> Any:
            from picloud.model import running

            assert running.current is not None
            return running.current.part

        assert [end.value() for end in worker.run(part, [(), ()])] == [None, None]

    def test_a_thread_of_the_job_may_leave_them_too(self, worker: Any) -> None:
        def leave(i: int) -> Any:
            from picloud.model import running

            assert running.current is not None
            assert running.current.part is not None
            said: list[Any] = []
            part = running.current.part
            if i == 2:
                thread = threading.Thread(target=lambda: said.append(part()))
                thread.start()
                thread.join()
            return said

        ends = worker.run(leave, [(i,) for i in range(10)], group=5)
        assert [end.value() for end in ends] == [[], [], [(worker.seq, 2)]]
        worker.steal()

    def test_a_thread_that_leaves_them_at_any_time_names_the_last_item_that_runs(self, worker: Any) -> None:
        """The one that it names, or the one before: an item that had just begun is found not run."""

        def mark(i: int) -> Any:
            import sys

            from picloud.model import running

            sys.setswitchinterval(1e-6)
            assert running.current is not None
            assert running.current.part is not None
            if i == 0:
                part, place = running.current.part, []
                threading.Thread(target=lambda: place.append(part()), daemon=True).start()
                mark.place = place  # type: ignore[attr-defined]  # what the next items can see
            return mark.place[0] if mark.place else None  # type: ignore[attr-defined]  # as above

        for _ in range(100):
            ends = worker.run(mark, [(i,) for i in range(400)], group=400)
            named = next((end.value()[1] for end in ends if end.value()), len(ends) - 1)
            assert len(ends) == worker.work.done
            assert named in (len(ends) - 1, len(ends))
            worker.steal()

    def test_a_fork_leaves_them_and_its_child_says_so(self, worker: Any) -> None:
        def fork(i: int) -> Any:
            from picloud.model import running

            assert running.current is not None
            assert running.current.part is not None
            if i != 1:
                return None
            reader, writer = os.pipe()
            if os.fork() == 0:
                os.write(writer, repr(running.current.part()).encode())
                os._exit(0)
            os.wait()
            return os.read(reader, 100)

        ends = worker.run(fork, [(i,) for i in range(10)], group=5)
        assert [end.value() for end in ends] == [None, repr((worker.seq, 1)).encode()]
        worker.steal()

    def test_a_ticket_of_another_chunk_ends_the_worker(self, worker: Any) -> None:
        os.write(worker.writer, b"\xff")
        worker.send(double, [(1,)])
        assert worker.driver.wait_ended(worker).status != 0


class TestArena:
    """More ends than the arena holds."""

    def test_more_rows_than_fit(self, worker: Any) -> None:
        count = arena.ROW_CAPACITY + 5000
        pickled = cloudpickle.dumps((7,))
        ends = worker.run_all(double, [None] * count, group=200, record=arguments.encode_items([pickled] * count))
        assert len(ends) == count
        assert {end.payload for end in ends} == {cloudpickle.dumps(14)}

    @pytest.mark.parametrize("group", [1, 10])
    def test_more_heap_than_fits(self, worker: Any, group: int) -> None:
        ends = worker.run_all(lambda i: bytes([i]) * 200_000, [(i,) for i in range(60)], group=group)
        assert [end.value() for end in ends] == [bytes([i]) * 200_000 for i in range(60)]

    def test_small_results_behind_large_ones(self, worker: Any) -> None:
        """A heap that large results have filled has room for the small ones of the same group."""
        sizes = [250_000] * 16 + [4000] * 64
        ends = worker.run_all(lambda n: b"x" * n, [(n,) for n in sizes], group=80)
        assert [len(end.value()) for end in ends] == sizes


class TestArguments:
    """Ways in which arguments come."""

    def test_inline_buffers(self, worker: Any) -> None:
        buffers: list[Any] = []
        value = np.arange(4000)
        pickled = cloudpickle.dumps((value,), 5, buffer_callback=lambda b: buffers.append(b.raw()))
        item = b"".join(payload.parts(pickled, buffers))
        record = arguments.encode_items([item, cloudpickle.dumps((1,))])
        ends = worker.run(lambda a: float(np.sum(a)), [None, None], record=record)
        assert [end.value() for end in ends] == [float(value.sum()), 1.0]

    def test_a_segment(self, worker: Any, tmp_path: Path) -> None:
        """It is mapped, may be written to, and stays what it was."""
        buffers: list[Any] = []
        value = np.arange(100_000.0)
        pickled = cloudpickle.dumps((value,), 5, buffer_callback=lambda b: buffers.append(b.raw()))
        path = tmp_path / "segment"
        payload.write_segment(str(path), pickled, buffers)
        before = path.read_bytes()

        def change(a: Any) -> float:
            a += 1
            return float(a.sum())

        descriptor = path.open("rb")
        record = arguments.encode_items([arguments.SEGMENT_MARK + b"one", arguments.SEGMENT_MARK + b"one"])
        with descriptor:
            ends = worker.run_all(
                change, [None, None], record=record, segments=["one"], descriptors=[descriptor.fileno()], group=2
            )
        assert [end.value() for end in ends] == [float((value + 1).sum())] * 2
        assert path.read_bytes() == before

    def test_arguments_that_cannot_be_unpickled_are_that_items_error(self, worker: Any) -> None:
        good = cloudpickle.dumps((1,))
        ends = worker.run_all(
            double, [None] * 3, record=arguments.encode_items([good, b"\x80\x05garbage", good]), group=3
        )
        assert [end.status for end in ends] == [job.DONE, job.ERROR, job.DONE]
        assert "UnpicklingError" in ends[1].meta["exception"]

    def test_a_function_in_a_segment(self, worker: Any, tmp_path: Path) -> None:
        constant = np.ones(200_000)

        def total(x: float) -> float:
            constant[0] += 1
            return float(constant.sum() + x)

        buffers: list[Any] = []
        pickled = cloudpickle.dumps(total, 5, buffer_callback=lambda b: buffers.append(b.raw()))
        path = tmp_path / "segment"
        payload.write_segment(str(path), pickled, buffers)
        with path.open("rb") as opened:
            worker.channel.send(messages.Load("function", "large", True), (), [opened.fileno()])
        for _ in range(2):
            worker.load = lambda kind, content, load=worker.load: "large" if kind == "function" else load(kind, content)
            assert worker.run(b"", [(1.0,)])[0].value() == 200_002.0


class TestResults:
    """Ways in which results go."""

    @pytest.mark.parametrize(
        "value",
        [None, True, 0, -(10**30), 1.5, "text", b"bytes", 2j, [1, {"a": (2,)}], {1, 2}, "x" * 10_000, b"y" * 300_000],
    )
    def test_plain_values(self, worker: Any, value: Any) -> None:
        assert worker.call(lambda: value).value() == value

    def test_functions_and_classes_of_the_job(self, worker: Any) -> None:
        def make() -> Any:
            class Point:
                def __init__(self, x: int) -> None:
                    self.x = x

            return Point(3), lambda y: y + 1

        point, increment = worker.call(make).value()
        assert point.x == 3
        assert increment(1) == 2

    @pytest.mark.parametrize(("size", "segment"), [(100, False), (10_000, False), (100_000, True)])
    def test_arrays(self, worker: Any, size: int, segment: bool) -> None:
        end = worker.call(lambda n: np.arange(float(n)), size)
        assert bool(end.flags & RowFlag.RESULT_SEGMENT) == segment
        value = end.value()
        value[0] = 5
        assert value.sum() == 5 + size * (size - 1) / 2

    def test_a_segment_is_the_users_alone(self, worker: Any) -> None:
        end = worker.call(lambda: b"x" * 300_000)
        path = worker.driver.home / "segments" / "incoming" / end.payload.decode()
        assert path.stat().st_mode & 0o777 == 0o600

    def test_one_result_in_a_segment_among_small_ones(self, worker: Any) -> None:
        ends = worker.run_all(lambda n: b"x" * n, [(1,), (300_000,), (2,)] * 3, group=9)
        assert [len(end.value()) for end in ends] == [1, 300_000, 2] * 3
        assert [end.flags for end in ends] == [0, RowFlag.RESULT_SEGMENT, 0] * 3

    def test_results_are_values(self, worker: Any) -> None:
        """The pickler is reused, but a result never refers to one before it."""
        shared = [1, 2]
        ends = worker.run_all(lambda _i: [shared, shared], [(i,) for i in range(3)], group=3)
        for end in ends:
            value = end.value()
            assert value == [[1, 2], [1, 2]]
            assert value[0] is value[1]

    @pytest.mark.parametrize(
        ("make", "path"),
        [
            (lambda: {"a": [0, 1, 2, (i for i in [1])]}, "result['a'][3]: generator"),
            (lambda: (i for i in [1]), "result: generator"),
            (lambda: [threading.Lock()], "result[0]: lock"),
        ],
    )
    def test_what_cannot_be_pickled_is_named(self, worker: Any, make: Any, path: str) -> None:
        ends = worker.run_all(lambda i, make: make() if i == 1 else i, [(i, make) for i in range(3)], group=3)
        assert [end.status for end in ends] == [job.DONE, job.ERROR, job.DONE]
        assert path in ends[1].meta["exception"]
        assert isinstance(ends[1].error(), SerializationError)
        assert ends[1].meta["cause"][0] == "exception"

    def test_no_search_for_the_culprit_with_fast_serialization(self, worker: Any) -> None:
        end = worker.call(lambda: [threading.Lock()], fast_serialization=1)
        assert "result: list" in end.meta["exception"]

    @pytest.mark.parametrize("value", ["x" * 1000, list(range(1000)), b"x" * 400_000])
    def test_the_limit_of_data_holds(self, worker: Any, value: Any) -> None:
        end = worker.call(lambda: value, max_transmit_data=900)
        assert isinstance(end.error(), ExcessiveDataError)
        assert worker.call(lambda: "x" * 800, max_transmit_data=900).status == job.DONE

    def test_a_disk_that_takes_no_segment_is_that_items_error(self, worker: Any) -> None:
        incoming = worker.driver.home / "segments" / "incoming"
        shutil.rmtree(incoming)
        end = worker.call(lambda: b"x" * 300_000)
        incoming.mkdir()
        assert end.status == job.ERROR
        assert "FileNotFoundError" in end.meta["exception"]


def test_job_code_knows_its_jid(worker: Any) -> None:
    def who(_i: int) -> tuple[int, int, int]:
        from picloud.model import running

        assert running.current is not None
        return running.current.jid, running.current.attempt, running.current.worker

    ends = worker.run(who, [(i,) for i in range(5)], first=700, start=10)
    assert [end.value() for end in ends] == [(710 + i, 1, worker.id) for i in range(5)]


def test_a_function_is_fresh_for_each_submission_and_kept_within_one(worker: Any) -> None:
    seen: list[int] = []

    def count() -> int:
        seen.append(1)
        return len(seen)

    first = worker.driver.next_first()
    assert [end.value() for end in worker.run(count, [()] * 2, first=first)] == [1, 2]
    assert worker.run(count, [()], first=first)[0].value() == 3
    assert worker.run(count, [()])[0].value() == 1


def test_a_forked_child_that_comes_back_does_not_go_on_as_a_worker(worker: Any) -> None:
    def fork(i: int) -> int:
        pid = os.fork()
        if pid:
            return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) * 10 + i
        if i == 1:
            raise SystemExit(3)
        if i == 2:
            raise ValueError("in the child")
        return i

    ends = worker.run(fork, [(i,) for i in range(4)])
    assert [end.value() for end in ends] == [0, 31, 12, 3]
    assert b"in the child" in ends[2].output("err")
