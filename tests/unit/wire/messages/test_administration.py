"""Headers between client and node about the node, byte for byte: a change is a new protocol."""

from __future__ import annotations

import pytest

from picloud.wire import messages

GOLDEN = [
    (
        messages.Collect(dry_run=True, older_than=3600.0, label=None, states=["done"], larger_than=None),
        '["Collect",true,3600.0,null,["done"],null]',
    ),
    (messages.Collected(arrays=[], bytes=0), '["Collected",[],0]'),
    (messages.ListArrays(before=None, limit=10, label=None), '["ListArrays",null,10,null]'),
    (messages.Arrays(arrays=[]), '["Arrays",[]]'),
    (messages.NodeStatus(), '["NodeStatus"]'),
    (messages.NodeFacts(facts={"pid": 1}), '["NodeFacts",{"pid":1}]'),
    (messages.Stop(), '["Stop"]'),
    (messages.Check(), '["Check"]'),
    (messages.Backup(directory="/b"), '["Backup","/b"]'),
]


@pytest.mark.parametrize(("message", "header"), GOLDEN, ids=lambda value: type(value).__name__)
def test_the_header_is_as_it_always_was(message: messages.Message, header: str) -> None:
    assert messages.encode(message).decode() == header
    assert messages.decode(header.encode()) == message


def test_every_message_of_the_conversation_is_here() -> None:
    module = "picloud.wire.messages.administration"
    assert {type(message) for message, _ in GOLDEN} == {
        kind for kind in messages.KINDS.values() if kind.__module__ == module
    }
