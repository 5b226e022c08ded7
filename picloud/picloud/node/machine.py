"""What the node takes from the machine: CPUs, limits, folders that are not on a network."""

from __future__ import annotations

import logging
import os
import resource

import psutil

from picloud.model.cpus import parse_cpus

_log = logging.getLogger(__name__)
_RAISED = (resource.RLIMIT_NOFILE, resource.RLIMIT_NPROC, resource.RLIMIT_MEMLOCK)


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
