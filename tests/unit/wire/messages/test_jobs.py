"""Headers between client and node about jobs, byte for byte: a change is a new protocol."""

from __future__ import annotations

import pytest

from picloud.wire import messages

GOLDEN = [
    (
        messages.Hello(version="0.1.0", client="c1", pid=7, worker=None, attached=False),
        '["Hello","0.1.0","c1",7,null,false]',
    ),
    (
        messages.Welcome(version="0.1.0", pid=7, generation="g", home="/h", durability="power", cpus=[0, 1], limits={}),
        '["Welcome","0.1.0",7,"g","/h","power",[0,1],{}]',
    ),
    (messages.Blob(hash="ab", segment=""), '["Blob","ab",""]'),
    (messages.Part(sequence=1, start=0), '["Part",1,0]'),
    (
        messages.Submit(
            sequence=1,
            count=2,
            function="f",
            context="c",
            name="n",
            is_map=True,
            parent=None,
            hostname="h",
            options={"priority": 1},
            linger=False,
        ),
        '["Submit",1,2,"f","c","n",true,null,"h",{"priority":1},false]',
    ),
    (messages.Submitted(first=1, count=2), '["Submitted",1,2]'),
    (messages.Alone(seq=3, index=40), '["Alone",3,40]'),
    (messages.Wait(ranges=[[1, 3]], mode="all", timeout=0.5), '["Wait",[[1,3]],"all",0.5]'),
    (messages.Waited(satisfied=False, unfinished=[[2, 3]], failed=None), '["Waited",false,[[2,3]],null]'),
    (messages.Watch(jids=[1, 7]), '["Watch",[1,7]]'),
    (messages.Ended(ends=[[1, 3], [7, -1]]), '["Ended",[[1,3],[7,-1]]]'),
    (messages.GetStatus(ranges=[[1, 2]]), '["GetStatus",[[1,2]]]'),
    (messages.Statuses(), '["Statuses"]'),
    (messages.GetEnds(ranges=[[1, 2]], mode="all", timeout=None, limit=10), '["GetEnds",[[1,2]],"all",null,10]'),
    (messages.EndsPage(pieces=[[1, 1, 20]], segments=["s"], rest=[]), '["EndsPage",[[1,1,20]],["s"],[]]'),
    (messages.GetInfo(ranges=[[1, 2]], facts=["status"]), '["GetInfo",[[1,2]],["status"]]'),
    (messages.Info(length=20, rest=[[3, 5]]), '["Info",20,[[3,5]]]'),
    (messages.Kill(ranges=None), '["Kill",null]'),
    (messages.Delete(ranges=[[1, 2]]), '["Delete",[[1,2]]]'),
]


@pytest.mark.parametrize(("message", "header"), GOLDEN, ids=lambda value: type(value).__name__)
def test_the_header_is_as_it_always_was(message: messages.Message, header: str) -> None:
    assert messages.encode(message).decode() == header
    assert messages.decode(header.encode()) == message


def test_every_message_of_the_conversation_is_here() -> None:
    module = "picloud.wire.messages.jobs"
    assert {type(message) for message, _ in GOLDEN} == {
        kind for kind in messages.KINDS.values() if kind.__module__ == module
    }
