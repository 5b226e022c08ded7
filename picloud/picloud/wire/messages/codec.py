"""The one codec of all messages: a header is the JSON list `[kind, field, field, ...]`.

Fields stand in the order of the class; one is added only at the end, with a raised `frames.PROTOCOL`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields
from operator import attrgetter
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from picloud.exceptions import ProtocolError
from picloud.wire.messages import administration, base, jobs, places, work
from picloud.wire.messages.base import Message

KINDS: dict[str, type[Message]] = {
    name: kind
    for module in (administration, base, jobs, places, work)
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


_GETTERS: dict[type[Message], Callable[[Any], Any]] = {}
_SHAPES: dict[str, tuple[type[Message], tuple[tuple[type, ...], ...]]] = {}
for _name, _kind in KINDS.items():
    _names = [field.name for field in fields(_kind)]
    _hints = get_type_hints(_kind)
    _GETTERS[_kind] = attrgetter(*_names) if _names else lambda _message: ()
    _SHAPES[_name] = (_kind, tuple(_checker(_hints[name]) for name in _names))

_encode_json = json.JSONEncoder(separators=(",", ":"), ensure_ascii=True, check_circular=False).encode
_decode_json = json.JSONDecoder().raw_decode
_M = TypeVar("_M", bound=Message)


def encode(message: Message) -> bytes:
    """Return the header of a message."""
    kind = type(message)
    values = _GETTERS[kind](message)
    if len(_SHAPES[kind.__name__][1]) == 1:
        values = (values,)
    return _encode_json((kind.__name__, *values)).encode()


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
