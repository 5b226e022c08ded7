"""Headers between node and supervisor, byte for byte: a change is a new protocol."""

from __future__ import annotations

import pytest

from picloud.wire import messages

GOLDEN = [
    (messages.Configure(home="/h", generation="g", node=7, python="3.11"), '["Configure","/h","g",7,"3.11"]'),
    (
        messages.StartWorker(worker=1, cpus=[0], environment={"OMP_NUM_THREADS": "1"}),
        '["StartWorker",1,[0],{"OMP_NUM_THREADS":"1"}]',
    ),
    (messages.SignalWorker(worker=1, signal=9), '["SignalWorker",1,9]'),
    (messages.StopSupervisor(), '["StopSupervisor"]'),
    (messages.SupervisorReady(pid=8, python="3.11", cloudpickle="3.1.2"), '["SupervisorReady",8,"3.11","3.1.2"]'),
    (messages.WorkerStarted(worker=1, pid=9, start_time=100), '["WorkerStarted",1,9,100]'),
    (messages.WorkerFailed(worker=1, reason="r"), '["WorkerFailed",1,"r"]'),
    (messages.WorkerEnded(worker=1, status=9, peak=1024, orphans=0), '["WorkerEnded",1,9,1024,0]'),
]


@pytest.mark.parametrize(("message", "header"), GOLDEN, ids=lambda value: type(value).__name__)
def test_the_header_is_as_it_always_was(message: messages.Message, header: str) -> None:
    assert messages.encode(message).decode() == header
    assert messages.decode(header.encode()) == message


def test_every_message_of_the_conversation_is_here() -> None:
    module = "picloud.wire.messages.places"
    assert {type(message) for message, _ in GOLDEN} == {
        kind for kind in messages.KINDS.values() if kind.__module__ == module
    }
