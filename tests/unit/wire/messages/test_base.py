"""What every conversation shares, byte for byte."""

from __future__ import annotations

import pytest

from picloud.wire import messages

GOLDEN = [
    (messages.Failure(facts={"code": "job.unknown"}), '["Failure",{"code":"job.unknown"}]'),
    (messages.Accepted(), '["Accepted"]'),
]


@pytest.mark.parametrize(("message", "header"), GOLDEN, ids=lambda value: type(value).__name__)
def test_the_header_is_as_it_always_was(message: messages.Message, header: str) -> None:
    assert messages.encode(message).decode() == header
    assert messages.decode(header.encode()) == message


def test_every_message_of_the_conversation_is_here() -> None:
    module = "picloud.wire.messages.base"
    assert {type(message) for message, _ in GOLDEN} == {
        kind for kind in messages.KINDS.values() if kind.__module__ == module
    }
