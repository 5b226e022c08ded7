"""Durations and sizes as people write them: `7d`, `12h`, `1h30m`; `10MB`, `1.5GiB`."""

from __future__ import annotations

import math
import re

_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_BYTES = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12} | {
    "KIB": 1 << 10,
    "MIB": 1 << 20,
    "GIB": 1 << 30,
    "TIB": 1 << 40,
}
_PART = re.compile(r"(\d+(?:\.\d+)?)([smhdw])")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]*)", re.IGNORECASE)


def parse_duration(text: str) -> float:
    """Return the seconds that a text such as `90`, `45s`, `1h30m`, `7d` or `2w` means; a bare number is seconds.

    Raises:
        ValueError: for anything else.
    """
    words = text.strip().lower()
    try:
        seconds = float(words)
    except ValueError:
        seconds = 0.0
        if not words or _PART.sub("", words):
            raise ValueError(f"{text!r} is not a duration such as 45s, 1h30m, 12h, 7d or 2w") from None
        for number, unit in _PART.findall(words):
            seconds += float(number) * _SECONDS[unit]
    if not math.isfinite(seconds) or seconds < 0:
        raise ValueError(f"{text!r} is not a duration: it must not be negative or infinite")
    return seconds


def parse_size(text: str) -> int:
    """Return the bytes that a text such as `512`, `10MB` or `1.5GiB` means; KB is 1000 bytes, KiB 1024.

    Raises:
        ValueError: for anything else.
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None or match[2].upper() not in _BYTES:
        raise ValueError(f"{text!r} is not a size such as 512, 10MB or 1.5GiB")
    return int(float(match[1]) * _BYTES[match[2].upper()])


def format_size(size: float) -> str:
    """Return bytes in the largest decimal unit that leaves a number of at least 1, such as `10.2 MB`."""
    for unit in ("B", "KB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} B" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"
