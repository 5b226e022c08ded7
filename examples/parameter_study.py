"""A study of one parameter that is submitted today and read tomorrow, by two runs of this program.

Run it to submit, then run it again, whenever you like, to read::

    python examples/parameter_study.py submit study.json --values 12 --people 20000
    python examples/parameter_study.py report study.json

It asks how far an infection spreads among people who each meet a few others, for several numbers of contacts.  The values near
the threshold of 1, where things change, get a better priority, so that they are known first.  All that the second run needs
are the jids: what is known of the jobs is kept by the node, not by the program that submitted them.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from pathlib import Path

import cloud


def spread(contacts: float, people: int) -> float:
    """Return which share of people an infection reaches, if everybody infects so many others on average."""
    source = random.Random(round(contacts * 1000))
    infected = bytearray(people)
    infected[:10] = bytes([1]) * 10
    carriers = list(range(10))
    while carriers:
        met = []
        for _ in carriers:
            met += [source.randrange(people) for _ in range(int(contacts + source.random()))]
        carriers = []
        for person in met:
            if not infected[person]:
                infected[person] = 1
                carriers.append(person)
    return sum(infected) / people


def submit(file: Path, values: int, people: int) -> None:
    """Submit one job for each value, and keep their jids in a file."""
    jids = {}
    for number in range(values):
        contacts = round(0.4 + 2.2 * number / max(values - 1, 1), 3)
        priority = 1 if 0.8 <= contacts <= 1.4 else 5
        label = f"contacts={contacts}"
        jids[label] = cloud.call(spread, contacts, people, _label=label, _priority=priority)
    file.write_text(json.dumps({"submitted": time.strftime("%d %B %Y, %H:%M"), "people": people, "jids": jids}))
    print(f"{values} jobs are submitted; `report {file}` reads them, also after this machine was restarted")


def report(file: Path) -> None:
    """Print what has become of the jobs whose jids are in a file, in the order of their values."""
    study = json.loads(file.read_text())
    jids = list(study["jids"].values())
    unfinished = sum(status not in cloud.finished_statuses for status in cloud.status(jids))
    if unfinished:
        print(f"{unfinished} of {len(jids)} jobs are not finished yet; waiting for them")
    shares = cloud.result(jids, ignore_errors=True)
    facts = cloud.info(jids, ["label", "runtime", "attributes"])
    print(f"{study['people']} people, submitted {study['submitted']}")
    for jid, share in zip(jids, shares, strict=True):
        known = facts[jid]
        head = f"  job {jid:<5} priority {known['attributes']['priority']}  {known['label']:15}"
        if isinstance(share, cloud.CloudException):
            print(head, share.status)
        else:
            print(f"{head} {known['runtime']:6.2f} s  {share:7.2%} {'#' * round(50 * share)}")


def main() -> None:
    """Do the one or the other."""
    parser = argparse.ArgumentParser(description="a study whose jobs are read by another process")
    commands = parser.add_subparsers(dest="command", required=True)
    submitting = commands.add_parser("submit", help="submit the jobs")
    submitting.add_argument("file", type=Path, help="where to keep their jids")
    submitting.add_argument("--values", type=int, default=12, help="how many values of the parameter to try")
    submitting.add_argument("--people", type=int, default=20_000, help="how many people there are")
    reporting = commands.add_parser("report", help="read their results")
    reporting.add_argument("file", type=Path, help="where their jids are")
    given = parser.parse_args()
    if given.command == "submit":
        submit(given.file, given.values, given.people)
    else:
        report(given.file)


if __name__ == "__main__":
    main()
