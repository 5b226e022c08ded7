"""The one codec of all messages: a header is the JSON list `[kind, field, field, ...]`.

Fields stand in the order of the class; one is added only at the end, with a raised `frames.PROTOCOL`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields
from json.encoder import encode_basestring_ascii
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from picloud.exceptions import ProtocolError
from picloud.wire.messages import administration, base, jobs, places, wait_for, work
from picloud.wire.messages.base import Message

KINDS: dict[str, type[Message]] = {
    name: kind
    for module in (administration, base, jobs, places, wait_for, work)
    for name, kind in vars(module).items()
    if isinstance(kind, type) and issubclass(kind, Message) and kind is not Message
}
"""Every message class by the name that stands in the header."""


def _checker(hint: Any) -> tuple[type, ...]:
    """Return the classes that a decoded field may have."""
    if get_origin(hint) in (Union, UnionType):
        return tuple(kind for part in get_args(hint) for kind in _checker(part))
    origin = get_origin(hint) or hint
    return (int, float) if origin is float else (origin,)


_encode_json = json.JSONEncoder(separators=(",", ":"), ensure_ascii=True, check_circular=False).encode
_decode_json = json.JSONDecoder().raw_decode
_TEXTS: dict[Any, str] = {
    str: "{text(m.%s)}",
    int: "{m.%s:d}",
    bool: "{'true' if m.%s else 'false'}",
    int | None: "{'null' if (x := m.%s) is None else x}",
}
"""How a field is written into a header, by its type; all others go through the JSON encoder."""


def _text(hint: Any) -> str:
    """Return how a field of a type is written; most lists and dicts are empty."""
    if get_origin(hint) in (list, dict):
        return "{json(x) if (x := m.%%s) else '%s'}" % ("[]" if get_origin(hint) is list else "{}")
    return _TEXTS.get(hint, "{json(m.%s)}")


def _encoder(name: str, hints: dict[str, Any]) -> Callable[[Any], str]:
    """Return a function that writes a message of these fields: made for its class, it is several times as fast as one for all."""
    parts = [f'"{name}"', *(_text(hint) % field for field, hint in hints.items())]
    source = f"lambda m: f'''[{','.join(parts)}]'''"
    made: Callable[[Any], str] = eval(source, {"text": encode_basestring_ascii, "json": _encode_json})  # noqa: S307 - our own names
    return made


def _fields(kind: type[Message]) -> dict[str, Any]:
    """Return the types of a message's fields by name, in the order of the class."""
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in fields(kind)}


class _Encoders(dict[type[Message], Callable[[Any], str]]):
    """How messages are written: each kind is prepared when one is sent first, since few processes send many kinds."""

    def __missing__(self, kind: type[Message]) -> Callable[[Any], str]:
        """Prepare a kind."""
        made = self[kind] = _encoder(kind.__name__, _fields(kind))
        return made


class _Shapes(dict[str, tuple[type[Message], tuple[tuple[type, ...], ...]]]):
    """What fields messages have, prepared as `_Encoders` are."""

    def __missing__(self, name: str) -> tuple[type[Message], tuple[tuple[type, ...], ...]]:
        """Prepare a kind; a `KeyError` if there is none of that name."""
        kind = KINDS[name]
        made = self[name] = kind, tuple(map(_checker, _fields(kind).values()))
        return made


_ENCODERS = _Encoders()
_SHAPES = _Shapes()

_M = TypeVar("_M", bound=Message)


def encode(message: Message) -> bytes:
    """Return the header of a message."""
    return _ENCODERS[type(message)](message).encode()


def decode(header: bytes) -> Message:
    """Return the message of a header.

    Raises:
        ProtocolError: if it is not one of this protocol: unknown kind, wrong number of fields, or a field of another type.
    """
    try:
        values, end = _decode_json(header.decode())
        name = values.pop(0)
        kind, shape = _SHAPES[name]
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError) as error:
        raise ProtocolError("A frame's header is not a message of this protocol") from error
    if end != len(header) or len(values) != len(shape) or not all(map(isinstance, values, shape)):
        raise ProtocolError(f"A {name} message does not have the fields of this protocol")
    return kind(*values)


def expect(message: Message, kind: type[_M]) -> _M:
    """Return the message if it is of the kind.

    Raises:
        ProtocolError: if it is another one.
    """
    if not isinstance(message, kind):
        raise ProtocolError(f"Expected a {kind.__name__} message, got {type(message).__name__}")
    return message
