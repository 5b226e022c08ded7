"""One contender in a process of its own: requests come as JSON lines on stdin, answers go back on the real stdout.

`python contender.py NAME`, by `rounds.Contender`.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from typing import Any


def picloud() -> Any:
    """Return picloud."""
    from ours import Picloud

    return Picloud()


def loky() -> Any:
    """Return loky."""
    import peers

    return peers.loky()


def futures() -> Any:
    """Return concurrent.futures."""
    import peers

    return peers.futures()


KINDS: dict[str, Callable[[], Any]] = {"picloud": picloud, "loky": loky, "futures": futures}
"""How contenders are made, by name."""


def main(kind: str) -> None:
    """Answer requests until there are no more."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    contender = KINDS[kind]()
    for line in sys.stdin:
        request = json.loads(line)
        answers.write(json.dumps(getattr(contender, request["do"])(request["count"])) + "\n")
        answers.flush()
    contender.close()


if __name__ == "__main__":
    main(sys.argv[1])
