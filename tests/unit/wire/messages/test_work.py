"""Headers between node and worker, byte for byte: a change is a new protocol."""

from __future__ import annotations

import pytest

from picloud.wire import messages

GOLDEN = [
    (messages.Load(kind="function", hash="ab", segment=False), '["Load","function","ab",false]'),
    (
        messages.Chunk(
            seq=1,
            first=10,
            start=0,
            count=4,
            group=2,
            attempt=1,
            function="f",
            context="c",
            is_map=True,
            segments=[],
            options={},
        ),
        '["Chunk",1,10,0,4,2,1,"f","c",true,[],{}]',
    ),
    (messages.Rolled(seq=1), '["Rolled",1]'),
    (messages.Resume(), '["Resume"]'),
    (messages.WorkerReady(worker=1), '["WorkerReady",1]'),
    (messages.Announce(seq=1), '["Announce",1]'),
    (messages.Roll(seq=1), '["Roll",1]'),
    (messages.ChunkEnded(seq=1, done=4, retire=""), '["ChunkEnded",1,4,""]'),
]


@pytest.mark.parametrize(("message", "header"), GOLDEN, ids=lambda value: type(value).__name__)
def test_the_header_is_as_it_always_was(message: messages.Message, header: str) -> None:
    assert messages.encode(message).decode() == header
    assert messages.decode(header.encode()) == message


def test_every_message_of_the_conversation_is_here() -> None:
    module = "picloud.wire.messages.work"
    assert {type(message) for message, _ in GOLDEN} == {
        kind for kind in messages.KINDS.values() if kind.__module__ == module
    }
