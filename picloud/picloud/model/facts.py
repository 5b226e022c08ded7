"""What is known of jobs on its way from node to client: what many have in common is said once.

A page is JSON: one object for each run of jobs of one array, which holds their common facts and, for each job, those that
differ.  Which facts there are is said by `client.info`; bulky bytes stand behind the JSON, and facts point at them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple


class Group(NamedTuple):
    """Neighbouring jobs of one array."""

    first: int
    """The first one's jid."""
    shared: dict[str, Any]
    """Facts of all of them, unless a job has its own."""
    own: list[dict[str, Any]]
    """One dict a job, in the order of their jids."""


def encode(groups: Sequence[Group]) -> bytes:
    """Return a page; text that is not valid Unicode travels as it is."""
    return json.dumps(groups, ensure_ascii=False, separators=(",", ":")).encode(errors="surrogatepass")


def decode(page: bytes | memoryview) -> Iterator[dict[str, Any]]:
    """Yield the facts of each job, its `jid` among them.

    Raises:
        ValueError: if it is no such page.
    """
    for first, shared, jobs in json.loads(str(page, "utf-8", "surrogatepass")):
        for jid, own in enumerate(jobs, first):
            yield {"jid": jid, **shared, **own}
