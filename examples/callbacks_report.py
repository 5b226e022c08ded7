"""Callbacks: functions of this program that are called when a job of it has ended, here to put a report together.

Run it with the number of letters to read::

    python examples/callbacks_report.py 24

Each letter is a JSON document that a job reads; some are torn.  `_callback` is called for a job that is done,
`_callback_on_error` for one that failed, was killed or never started.  Both may be several functions, which are called from left
to right, with the jid if they take an argument.  They run in a thread of this program, as the jobs end and while it does
something else.
"""

from __future__ import annotations

import argparse
import json
import queue
import random
from collections import Counter

import cloud

WORDS = ("cloud", "job", "node", "queue", "table")


def letter(number: int) -> str:
    """Return a JSON document, cut off in the middle every fifth time."""
    source = random.Random(number)
    text = json.dumps({"number": number, "words": source.choices(WORDS, k=20)})
    return text if number % 5 else text[: len(text) // 2]


def read(text: str) -> dict[str, int]:
    """Count the words of a letter; a torn one is an error."""
    return dict(Counter(json.loads(text)["words"]))


class Report:
    """What the callbacks have put together so far."""

    def __init__(self) -> None:
        """Begin with an empty one."""
        self.words: Counter[str] = Counter()
        self.torn: dict[int, str] = {}
        self._ended: queue.SimpleQueue[None] = queue.SimpleQueue()

    def add(self, jid: int) -> None:
        """Add the words of a letter: its job is done, so that the result is there at once."""
        self.words.update(cloud.result(jid))

    def note_error(self, jid: int) -> None:
        """Note what was wrong with a letter."""
        error = cloud.result(jid, ignore_errors=True)
        self.torn[jid] = str(error.__cause__)

    def count(self) -> None:
        """Count one more job that has ended; it takes no argument and so gets none."""
        self._ended.put(None)

    def wait(self, jobs: int) -> None:
        """Wait until so many jobs have been counted."""
        for number in range(1, jobs + 1):
            self._ended.get(timeout=60)
            if number % 8 == 0 or number == jobs:
                print(f"  {number} of {jobs} letters read")


def main() -> None:
    """Submit a job for each letter, wait for the callbacks, and print what they found."""
    parser = argparse.ArgumentParser(description="a report that callbacks put together")
    parser.add_argument("letters", nargs="?", type=int, default=24, help="how many letters to read")
    given = parser.parse_args()

    report = Report()
    print(f"{given.letters} letters are submitted")
    for number in range(1, given.letters + 1):
        cloud.call(
            read,
            letter(number),
            _callback=[report.add, report.count],
            _callback_on_error=[report.note_error, report.count],
        )
    report.wait(given.letters)
    print("Words in them")
    for word, count in sorted(report.words.items()):
        print(f"  {count:5} {word}")
    print(f"Letters that are torn: {len(report.torn)}")
    for jid, message in sorted(report.torn.items()):
        print(f"  job {jid}: {message}")


if __name__ == "__main__":
    main()
