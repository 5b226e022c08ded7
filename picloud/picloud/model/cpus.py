"""The setting `cpus`: a count, or a list of numbers and ranges."""

from __future__ import annotations

from collections.abc import Sequence

from picloud.exceptions import ArgumentValueError


def parse_cpus(text: str, available: Sequence[int]) -> list[int]:
    """Return the CPUs that the setting `cpus` names: a count, or a list such as '0-3,6'; all of them for ''.

    Raises:
        ArgumentValueError: if it is neither, or names none that the machine has.
    """
    words = text.replace(" ", "")
    if not words:
        return list(available)
    try:
        if words.isdigit():
            chosen = list(available[: int(words)])
        else:
            numbers: set[int] = set()
            for part in words.split(","):
                low, dash, high = part.partition("-")
                numbers.update(range(int(low), int(high if dash else low) + 1))
            chosen = [cpu for cpu in available if cpu in numbers]
    except ValueError:
        chosen = []
    if not chosen:
        raise ArgumentValueError(
            f"The setting cpus (or PICLOUD_CPUS) cannot be {text!r}: it is a count such as 4 or a list such as 0-3,6 "
            f"of this machine's CPUs {','.join(map(str, available))}"
        )
    return chosen
