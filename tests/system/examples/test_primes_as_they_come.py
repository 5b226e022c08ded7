"""Mapping over two iterables, and reading the results as they come."""

from __future__ import annotations

from .conftest import Run


def test_the_blocks_come_in_order_and_add_up(run: Run) -> None:
    head, titles, *blocks, total = run("primes_as_they_come.py", "1000000", "--blocks", "8")
    assert head == "Primes below 1000000, counted by jobs 1 to 8"
    assert titles.split() == ["after", "from", "to", "primes", "twins"]
    rows = [line.split() for line in blocks]
    assert [(int(row[1]), int(row[2])) for row in rows] == [(n * 125_000, (n + 1) * 125_000) for n in range(8)]
    assert [float(row[0]) for row in rows] == sorted(float(row[0]) for row in rows)
    assert sum(int(row[3]) for row in rows) == 78_498
    assert total == "  There are 78498 of them, 8169 with a twin."


def test_a_few(run: Run) -> None:
    assert run("primes_as_they_come.py", "12", "--blocks", "5")[-1] == "  There are 5 of them, 3 with a twin."
