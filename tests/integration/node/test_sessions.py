"""Whatever a connection says, it is answered, or the connection alone ends; the node and its other clients go on."""

from __future__ import annotations

import json
import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_type_hints

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from picloud.model import job
from picloud.wire import frames, messages

from .conftest import Client, Gate, Refused, until

HELLO = messages.Hello(version="0", client="somebody", pid=1, worker=None, attached=False)


@pytest.fixture
def raw(shared_home: Path) -> Iterator[Client]:
    """Give a connection that has not greeted."""
    with Client(shared_home, greet=False) as made:
        yield made


def _frame(header: bytes, body: bytes = b"") -> bytes:
    return frames.encode(header, (body,) if body else ())


def _until_closed(client: Client) -> list[dict[str, Any]]:
    """Return the failures that come before the node closes the connection."""
    told = []
    try:
        while True:
            message = client.channel.receive().message
            assert isinstance(message, messages.Failure)
            told.append(message.facts)
    except (EOFError, ConnectionResetError):
        return told


def test_the_greeting_says_who_answers(client: Client) -> None:
    welcome = client.welcome
    assert (welcome.home, welcome.durability, len(welcome.cpus)) == (str(client.home), "process", 2)
    assert Path(f"/proc/{welcome.pid}/cmdline").read_bytes().count(b"picloud.node.main") == 1
    assert len(welcome.generation) == 32


def test_the_socket_is_for_its_user_alone(client: Client) -> None:
    assert stat.S_IMODE((client.home / "node.sock").stat().st_mode) == 0o600
    assert stat.S_IMODE(client.home.stat().st_mode) == 0o700


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_another_user_is_not_let_in(client: Client, tmp_path: Path) -> None:
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        # From here on this is another user's process, which was handed a socket that it could never have opened itself.
        told = b"refused"
        try:
            folder = os.open(client.home, os.O_PATH)
            os.chmod(client.home / "node.sock", 0o666)
            os.chmod(client.home, 0o711)
            os.setresuid(65534, 65534, 65534)
            with socket.socket(socket.AF_UNIX) as sock:
                sock.settimeout(10)
                sock.connect(f"/proc/self/fd/{folder}/node.sock")
                sock.sendall(_frame(messages.encode(HELLO)))
                told = sock.recv(1000) or told
        except ConnectionError:
            pass
        except BaseException as error:
            told = repr(error).encode()
        finally:
            os.write(writer, told)
            os._exit(0)
    os.close(writer)
    os.waitpid(child, 0)
    with os.fdopen(reader, "rb") as pipe:
        assert pipe.read() == b"refused"
    os.chmod(client.home / "node.sock", 0o600)
    os.chmod(client.home, 0o700)


def test_a_connection_begins_with_hello(raw: Client) -> None:
    with pytest.raises(Refused, match="Hello") as refused:
        raw.exchange(messages.NodeStatus())
    assert refused.value.code == "node.protocol"
    assert raw.ask(messages.Welcome, HELLO).home == str(raw.home)


@pytest.mark.parametrize("name", ["", "x" * 101, "\u20ac", "a b", "a\0"])
def test_a_client_has_a_name_that_can_be_a_key(raw: Client, name: str) -> None:
    with pytest.raises(Refused) as refused:
        raw.exchange(messages.Hello(version="0", client=name, pid=1, worker=None, attached=False))
    assert refused.value.code == "node.protocol"
    with pytest.raises(Refused, match="Hello"):
        raw.exchange(messages.NodeStatus())


@pytest.mark.parametrize(
    "message",
    [messages.Accepted(), messages.Announce(1), messages.ChunkEnded(1, 1, ""), messages.StopSupervisor()],
    ids=str,
)
def test_what_only_others_say_is_refused(client: Client, message: messages.Message) -> None:
    with pytest.raises(Refused, match="does not send") as refused:
        client.exchange(message)
    assert refused.value.code == "node.protocol"
    assert client.node()["pid"] == client.welcome.pid


WRONG_FIELDS = [
    ["GetStatus", 5],
    ["GetStatus", "all"],
    ["GetStatus"],
    ["GetStatus", [], []],
    ["Wait", [[1, 2]], 3, None],
    ["Wait", [[1, 2]], "all", "long"],
    ["Submit", "1", 1, "", "", "", False, None, "", {}],
    ["Kill", {}],
    ["Hello", "0", None, 1, None, False],
    ["Frob", 1],
    [],
    [["GetStatus"], [[1, 2]]],
    {"GetStatus": 1},
    "GetStatus",
    None,
]


@pytest.mark.parametrize("header", WRONG_FIELDS, ids=str)
def test_fields_of_a_wrong_type_end_the_connection_with_a_word(client: Client, header: object) -> None:
    with Client(client.home) as other:
        other.channel.socket.sendall(_frame(json.dumps(header).encode()))
        told = _until_closed(other)
    assert [facts["code"] for facts in told] == ["node.protocol"]
    assert client.node()["pid"] == client.welcome.pid


@pytest.mark.parametrize(
    "ranges", [[5], [[1]], [[1, 2, 3]], [[2, 1]], [[1, 1]], [["a", "b"]], [[1, None]], [[1.0, 2.0]]], ids=str
)
def test_ranges_that_are_none_are_refused(client: Client, ranges: list[Any]) -> None:
    for request in (
        messages.GetStatus(ranges),
        messages.Wait(ranges, "all", 0),
        messages.GetEnds(ranges, "", None, 1000),
        messages.GetInfo(ranges, []),
        messages.Kill(ranges),
        messages.Delete(ranges),
    ):
        with pytest.raises(Refused, match="ranges") as refused:
            client.exchange(request)
        assert refused.value.code == "argument.value"


HUGE = [
    frames.PREFIX.pack(b"pc", frames.PROTOCOL, 0, frames.MAX_HEADER + 1, 0, 0),
    frames.PREFIX.pack(b"pc", frames.PROTOCOL, 0, 10, frames.MAX_BODY + 1, 0),
    frames.PREFIX.pack(b"pc", frames.PROTOCOL, 0, 10, (1 << 64) - 1, 0),
    frames.PREFIX.pack(b"pc", frames.PROTOCOL, 251, 10, 0, 0),
]


@pytest.mark.parametrize("prefix", HUGE, ids=["header", "body", "endless", "descriptors"])
def test_a_frame_over_the_limits_is_refused_before_it_is_read(client: Client, prefix: bytes) -> None:
    with Client(client.home) as other:
        other.channel.socket.sendall(prefix)
        (told,) = _until_closed(other)
    assert (told["code"], "limits" in told["message"]) == ("node.protocol", True)
    assert client.node()["pid"] == client.welcome.pid


def test_another_protocol_is_named_with_both_versions(client: Client) -> None:
    with Client(client.home, greet=False) as other:
        other.channel.socket.sendall(frames.PREFIX.pack(b"pc", 99, 0, 0, 0, 0))
        (told,) = _until_closed(other)
    assert "protocol 99" in told["message"]
    assert told["hint"]


def test_descriptors_that_nobody_asked_for_are_refused(client: Client) -> None:
    with Client(client.home) as other:
        before = _open_files(client.welcome.pid)
        head = frames.prefix(messages.encode(messages.NodeStatus()), 0, 1)
        socket.send_fds(other.channel.socket, [head], [0])
        (told,) = _until_closed(other)
    assert told["code"] == "node.protocol"
    until(lambda: _open_files(client.welcome.pid) < before, "the node has closed the connection, and holds nothing")


def _open_files(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


@given(garbage=st.binary(min_size=1, max_size=200) | st.binary(max_size=60).map(lambda tail: b"pc\1\0" + tail))
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_garbage_never_takes_the_node_down(client: Client, garbage: bytes) -> None:
    with Client(client.home) as other:
        other.channel.socket.sendall(garbage)
        other.channel.socket.shutdown(socket.SHUT_WR)
        _until_closed(other)
    assert client.node()["pid"] == client.welcome.pid


_NUMBERS = st.integers(-3, 40) | st.sampled_from([1 << 31, 1 << 63, 1 << 64, -(1 << 70)])
_TEXTS = st.text(max_size=8) | st.sampled_from(["all", "any", "failure", "ab" * 20, "../x", "\ud800", "\0"])
_VALUES: dict[Any, st.SearchStrategy[Any]] = {
    int: _NUMBERS,
    str: _TEXTS,
    bool: st.booleans(),
    float: st.floats(),
    type(None): st.none(),
    list[str]: st.lists(_TEXTS, max_size=3),
    list[int]: st.lists(_NUMBERS, max_size=3),
    list[list[int]]: st.lists(st.tuples(_NUMBERS, _NUMBERS).map(sorted) | st.lists(_NUMBERS, max_size=3), max_size=3),
    dict[str, Any]: st.dictionaries(_TEXTS, _NUMBERS | _TEXTS | st.none(), max_size=3),
}
_KINDS = sorted(set(messages.KINDS) - {"Stop", "Backup"})


def _headers(kind: str) -> st.SearchStrategy[list[Any]]:
    """Return headers that decode as this kind of message, most of which no client would send."""
    drawn = []
    for hint in get_type_hints(messages.KINDS[kind]).values():
        parts = get_args(hint) if isinstance(hint, UnionType) else (hint,)
        drawn.append(st.one_of([_VALUES.get(part, st.just({})) for part in parts]))
    return st.tuples(st.just(kind), *drawn).map(list)


@given(header=st.sampled_from(_KINDS).flatmap(_headers), body=st.binary(max_size=30))
@settings(max_examples=250, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_messages_of_any_values_never_take_the_node_down(client: Client, header: list[Any], body: bytes) -> None:
    with Client(client.home) as other:
        other.channel.socket.sendall(_frame(json.dumps(header).encode(), body))
        other.channel.socket.shutdown(socket.SHUT_WR)
        try:
            while True:
                other.channel.receive()
        except (EOFError, ConnectionResetError):
            pass
    assert client.node()["pid"] == client.welcome.pid


def test_a_client_that_goes_in_the_middle_of_a_frame_harms_nobody(client: Client) -> None:
    whole = _frame(messages.encode(messages.NodeStatus()), b"x" * 1000)
    for length in (1, frames.PREFIX.size, frames.PREFIX.size + 3, len(whole) - 1):
        with Client(client.home) as other:
            other.channel.socket.sendall(whole[:length])
    assert client.node()["pid"] == client.welcome.pid


def test_requests_may_arrive_byte_by_byte_and_many_at_once(client: Client) -> None:
    ask = _frame(messages.encode(messages.NodeStatus()))
    for at in range(len(ask)):
        client.channel.socket.sendall(ask[at : at + 1])
    client.channel.socket.sendall(ask * 50)
    for _ in range(51):
        assert isinstance(client.receive().message, messages.NodeFacts)


def test_a_client_that_never_reads_does_not_hold_up_others(client: Client) -> None:
    jids = client.map(bytes, [50_000] * 40)
    client.wait(jids)
    with Client(client.home) as lazy:
        for _ in range(20):
            lazy.channel.send(messages.GetEnds([list(jids)], "all", 1, 1 << 30))
        assert client.result(client.call(len, "abc")) == 3


def test_a_client_that_goes_while_it_waits_leaves_nothing(client: Client, gate: Gate) -> None:
    jid = client.call(gate.job(), 5)
    gate.wait()
    before = _open_files(client.welcome.pid)
    with Client(client.home) as other:
        other.channel.send(messages.Wait([[jid, jid + 1]], "all", None))
    until(lambda: _open_files(client.welcome.pid) <= before, "its socket is closed")
    gate.open()
    assert client.end(jid).status == job.DONE
