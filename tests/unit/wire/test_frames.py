"""Frames: whatever pieces a stream comes in, the same whole frames come out; anything else is refused early."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picloud.exceptions import ProtocolError
from picloud.wire import frames
from picloud.wire.frames import Decoder, Frame

FRAMES = st.builds(Frame, st.binary(max_size=200), st.binary(max_size=2000), st.integers(0, frames.MAX_DESCRIPTORS))


def test_the_bytes_of_a_frame_never_change_within_a_protocol() -> None:
    expected = bytes.fromhex("7063 01 02 05000000 0300000000000000 00000000") + b"hello" + b"abc"
    assert frames.encode(b"hello", (b"a", b"bc"), 2) == expected


@settings(max_examples=500)
@given(st.lists(FRAMES, max_size=5), st.data())
def test_frames_survive_any_cutting(sent: list[Frame], data: st.DataObject) -> None:
    stream = b"".join(frames.encode(frame.header, (frame.body,), frame.descriptors) for frame in sent)
    decoder = Decoder()
    received: list[Frame] = []
    at = 0
    while at < len(stream):
        size = data.draw(st.integers(1, len(stream)))
        received += decoder.feed(stream[at : at + size])
        at += size
    assert received == sent


def test_a_large_body_in_tiny_pieces_takes_little_more_than_its_own_room() -> None:
    body = bytes(range(256)) * 200
    stream = frames.encode(b"head", (body,))
    decoder = Decoder()
    tracemalloc.start()
    try:
        received = [frame for at in range(len(stream)) for frame in decoder.feed(stream[at : at + 1])]
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert received == [Frame(b"head", body, 0)]
    assert peak < 4 * len(body)


def test_how_much_is_missing_is_known() -> None:
    decoder = Decoder()
    assert decoder.wanted == frames.PREFIX.size
    whole = frames.encode(b"head", (b"x" * 100,))
    decoder.feed(whole[:-30])
    assert decoder.wanted == 30


@pytest.mark.parametrize(
    ("stream", "words"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\n", "does not speak"),
        (frames.PREFIX.pack(b"pc", frames.PROTOCOL + 1, 0, 1, 1, 0), "protocol 2"),
        (frames.PREFIX.pack(b"pc", frames.PROTOCOL, 0, frames.MAX_HEADER + 1, 0, 0), "over the limits"),
        (frames.PREFIX.pack(b"pc", frames.PROTOCOL, 0, 1, 1 << 62, 0), "over the limits"),
        (frames.PREFIX.pack(b"pc", frames.PROTOCOL, 255, 1, 1, 0), "over the limits"),
    ],
)
def test_what_is_no_frame_is_refused_at_its_prefix(stream: bytes, words: str) -> None:
    with pytest.raises(ProtocolError, match=words):
        Decoder().feed(stream)


@settings(max_examples=500)
@given(st.binary(max_size=300))
def test_noise_is_refused_or_waited_on(noise: bytes) -> None:
    decoder = Decoder()
    try:
        received = decoder.feed(noise)
    except ProtocolError:
        return
    assert sum(len(frame.header) + len(frame.body) for frame in received) <= len(noise)
