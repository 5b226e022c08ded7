"""Headers of what clients wait for in single jobs, byte for byte: a change is a new protocol."""

from __future__ import annotations

import pytest

from picloud.wire import messages

GOLDEN = [
    (messages.AwaitStatus(jid=5, codes=[2, 3], timeout=None), '["AwaitStatus",5,[2,3],null]'),
    (messages.AwaitPort(jid=5, port=80, protocol="tcp", timeout=0.5), '["AwaitPort",5,80,"tcp",0.5]'),
    (messages.Port(address="127.0.0.1", status=2), '["Port","127.0.0.1",2]'),
    (messages.Port(address=None, status=3), '["Port",null,3]'),
]


@pytest.mark.parametrize(("message", "header"), GOLDEN, ids=lambda value: type(value).__name__)
def test_the_header_is_as_it_always_was(message: messages.Message, header: str) -> None:
    assert messages.encode(message).decode() == header
    assert messages.decode(header.encode()) == message


def test_every_message_of_the_conversation_is_here() -> None:
    module = "picloud.wire.messages.wait_for"
    assert {type(message) for message, _ in GOLDEN} == {
        kind for kind in messages.KINDS.values() if kind.__module__ == module
    }
