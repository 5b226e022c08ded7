"""What the node takes from the machine: CPUs, limits, folders that are not on a network."""

from __future__ import annotations

import logging
import os
import resource

import psutil

from picloud.exceptions import ArgumentValueError

_log = logging.getLogger(__name__)
_RAISED = (resource.RLIMIT_NOFILE, resource.RLIMIT_NPROC, resource.RLIMIT_MEMLOCK)


def parse_cpus(text: str, available: list[int]) -> list[int]:
    """Return the CPUs that the setting `cpus` names: a count, or a list such as '0-3,6'; all of them for ''.

    Raises:
        ArgumentValueError: if it is neither, or names none that the machine has.
    """
    words = text.replace(" ", "")
    if not words:
        return list(available)
    try:
        if words.isdigit():
            chosen = available[: int(words)]
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


def take_cpus(text: str) -> list[int]:
    """Let this process and its children run on the CPUs that the setting names, whatever its starter was bound to."""
    process = psutil.Process()
    try:
        process.cpu_affinity([])
        chosen = parse_cpus(text, sorted(process.cpu_affinity() or []))
        process.cpu_affinity(chosen)
    except (AttributeError, OSError) as error:
        _log.warning("CPUs cannot be chosen here: %s", error)
        return list(range(os.cpu_count() or 1))
    return chosen


def raise_limits() -> None:
    """Raise soft limits to the hard ones: a node has many sockets and starts many processes."""
    for limit in _RAISED:
        _, hard = resource.getrlimit(limit)
        try:
            resource.setrlimit(limit, (hard, hard))
        except (ValueError, OSError) as error:
            _log.info("limit %d stays as it is: %s", limit, error)
