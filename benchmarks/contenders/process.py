"""One contender in a process of its own: requests come as JSON lines on stdin, answers go back on the real stdout.

`python -m contenders.process NAME`, by `handle.Contender`.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable

import exercises
from contenders.base import Contender


def _picloud() -> Contender:
    from contenders.ours import Picloud

    return Picloud()


def _pools(name: str) -> Callable[[], Contender]:
    def make() -> Contender:
        from contenders import pools

        made: Contender = getattr(pools, name)()
        return made

    return make


def _clusters(name: str) -> Callable[[], Contender]:
    def make() -> Contender:
        from contenders import clusters

        made: Contender = getattr(clusters, name)()
        return made

    return make


KINDS: dict[str, Callable[[], Contender]] = {
    "picloud": _picloud,
    "loky": _pools("loky"),
    "futures": _pools("futures"),
    "joblib": _pools("Joblib"),
    "dask": _clusters("Dask"),
    "ray": _clusters("Ray"),
    "parsl": _clusters("Parsl"),
}
"""How contenders are made, by name; each is imported where it is one."""


def main(kind: str) -> None:
    """Answer requests until there are no more."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    contender = KINDS[kind]()
    for line in sys.stdin:
        request = json.loads(line)
        answer = getattr(exercises, request["do"])(contender, **request["with"])
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
    contender.close()


if __name__ == "__main__":
    main(sys.argv[1])
