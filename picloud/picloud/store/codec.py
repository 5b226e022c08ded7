"""MessagePack forms of the records that have many fields; the only file of the store that uses msgspec.

Fields are positional: a stored array takes about half the bytes that it would take with names.  The order is part of the
format: a change of it is a new schema version (`records.SCHEMA`).
"""

from __future__ import annotations

import msgspec

from picloud.model.array import JobArray, JobOptions


class _Options(msgspec.Struct, array_like=True, frozen=True):
    label: str
    priority: int
    depends_on: tuple[tuple[int, int], ...]
    ignore_dependency_errors: bool
    restartable: bool
    kill_process: bool
    max_runtime: float | None
    core_type: str
    core_type_named: bool
    cores: int
    fast_serialization: int
    profile: bool


class _Array(msgspec.Struct, array_like=True, frozen=True):
    count: int
    client: str
    sequence: int
    function: str
    context: str
    name: str
    is_map: bool
    created: float
    parent: int | None
    hostname: str
    options: _Options


class Format(msgspec.Struct, array_like=True, frozen=True):
    """What a store says of itself."""

    magic: str
    """`records.MAGIC`; anything else is not ours."""
    version: int
    """Schema version of the whole store."""
    store: str
    """The store's own id, hex."""
    created: float
    """Unix time (s)."""


_encode = msgspec.msgpack.Encoder().encode
_decode_array = msgspec.msgpack.Decoder(_Array).decode
_decode_format = msgspec.msgpack.Decoder(Format).decode


def encode_array(array: JobArray) -> bytes:
    """Return the stored form of an array, without its first jid: that is the key."""
    options = array.options
    return _encode(
        (
            array.count,
            array.client,
            array.sequence,
            array.function,
            array.context,
            array.name,
            array.is_map,
            array.created,
            array.parent,
            array.hostname,
            (
                options.label,
                options.priority,
                options.depends_on,
                options.ignore_dependency_errors,
                options.restartable,
                options.kill_process,
                options.max_runtime,
                options.core_type,
                options.core_type_named,
                options.cores,
                options.fast_serialization,
                options.profile,
            ),
        )
    )


def decode_array(first: int, payload: bytes | memoryview) -> JobArray:
    """Rebuild an array.

    Raises:
        ValueError: if the payload has another shape.
    """
    a = _decode_array(payload)
    o = a.options
    return JobArray(
        first=first,
        count=a.count,
        client=a.client,
        sequence=a.sequence,
        function=a.function,
        context=a.context,
        name=a.name,
        is_map=a.is_map,
        created=a.created,
        parent=a.parent,
        hostname=a.hostname,
        options=JobOptions(
            label=o.label,
            priority=o.priority,
            depends_on=o.depends_on,
            ignore_dependency_errors=o.ignore_dependency_errors,
            restartable=o.restartable,
            kill_process=o.kill_process,
            max_runtime=o.max_runtime,
            core_type=o.core_type,
            core_type_named=o.core_type_named,
            cores=o.cores,
            fast_serialization=o.fast_serialization,
            profile=o.profile,
        ),
    )


def encode_format(value: Format) -> bytes:
    """Return the stored form of the format record."""
    return _encode(value)


def decode_format(payload: bytes | memoryview) -> Format:
    """Rebuild the format record.

    Raises:
        ValueError: if the payload has another shape.
    """
    return _decode_format(payload)
