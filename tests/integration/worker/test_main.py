"""A worker between its chunks: what it is sent, and how it leaves."""

from __future__ import annotations

from typing import Any

from picloud.model import arguments, job
from picloud.wire import messages


def test_items_run_in_order(worker: Any) -> None:
    ends = worker.run_all(lambda x: x * 2, [(i,) for i in range(1000)], group=100)
    assert [end.value() for end in ends] == [i * 2 for i in range(1000)]


def test_what_is_late_is_ignored(worker: Any) -> None:
    worker.channel.send(messages.Resume())
    worker.channel.send(messages.Rolled(5))
    assert worker.call(lambda: 1).value() == 1


def test_content_that_comes_while_a_full_arena_is_emptied_is_not_lost(worker: Any) -> None:
    worker.send(lambda i: bytes([i]) * 200_000, [(i,) for i in range(25)])
    while not isinstance(message := worker.channel.receive().message, messages.Roll):
        assert isinstance(message, messages.Announce)
    worker.load("function", b"\x80\x05K\x07.")
    worker.harvest()
    worker.channel.send(messages.Rolled(worker.seq))
    assert {end.status for end in worker.finish()} == {job.DONE}
    end = worker.run(b"\x80\x05K\x07.", [()])[0]
    assert "'int' object is not callable" in end.meta["exception"]


def test_it_leaves_when_the_node_does(worker: Any) -> None:
    worker.channel.socket.shutdown(2)
    assert worker.driver.wait_ended(worker).status == 0


def test_a_message_that_is_not_for_it_ends_it(worker: Any) -> None:
    worker.channel.send(messages.StopSupervisor())
    assert worker.driver.wait_ended(worker).status != 0


def test_a_chunk_that_makes_no_sense_ends_it_and_not_the_supervisor(worker: Any, hire: Any) -> None:
    """Segments that are named and did not come: nobody could say what the items' arguments are."""
    worker.send(lambda: 1, [()], segments=["missing"], record=arguments.encode_items([b"Smissing"]))
    assert worker.driver.wait_ended(worker).status != 0
    assert hire().call(lambda: 2).value() == 2


def test_descriptors_of_arguments_are_closed_after_the_chunk(worker: Any) -> None:
    def count() -> int:
        import os

        return len(os.listdir("/proc/self/fd"))

    before = worker.call(count).value()
    with open("/dev/null", "rb") as opened:
        for _ in range(5):
            worker.run(lambda: 1, [()], segments=["x"], descriptors=[opened.fileno()])
    assert worker.call(count).value() == before
