"""`picloud gc` on a real node: it shows first, and deletes only what was asked for."""

from __future__ import annotations

from .conftest import Shell

PROGRAM = """
def bad(): raise ValueError('no')
cloud.map(abs, range(3), _label='night')
cloud.call(bad, _label='day')
cloud.call(bytes, 2_000_000)
cloud.join(range(1, 6), ignore_errors=True)
"""


def _firsts(shell: Shell, *words: str) -> list[int]:
    found = shell.json("gc", *words)
    assert found["schema"] == 1
    assert found["bytes"] == sum(array["size"] for array in found["arrays"])
    return [array["first"] for array in found["arrays"]]


def test_nothing_goes_without_yes(shell: Shell) -> None:
    shell.python(PROGRAM)
    assert _firsts(shell) == [1, 4, 5]
    assert "Nothing was deleted: add --yes" in shell.text("gc")
    assert len(shell.json("status", "all")) == 5


def test_criteria(shell: Shell) -> None:
    shell.python(PROGRAM)
    assert _firsts(shell, "--label", "night") == [1]
    assert _firsts(shell, "--label", "*ay") == [4]
    assert _firsts(shell, "--state", "error") == [4]
    assert _firsts(shell, "--state", "error", "--state", "done") == [1, 4, 5]
    assert _firsts(shell, "--state", "error", "--label", "night") == []
    assert _firsts(shell, "--larger-than", "1MB") == [5]
    assert _firsts(shell, "--older-than", "1h") == []
    assert _firsts(shell, "--older-than", "0s") == [1, 4, 5]


def test_yes_deletes_what_was_asked_for(shell: Shell) -> None:
    shell.python(PROGRAM)
    found = shell.json("gc", "--larger-than", "1MB", "--yes")
    assert found["dry_run"] is False
    assert [array["first"] for array in found["arrays"]] == [5]
    assert shell.error("status", "5")["code"] == "job.unknown"
    assert not [path for path in (shell.home / "segments").iterdir() if path.is_file()]
    assert "Deleted 1 job, " in shell.text("gc", "--state", "error", "-y")
    assert shell.json("status", "all") == {"1": "done", "2": "done", "3": "done"}


def test_what_has_not_ended_is_never_chosen(shell: Shell) -> None:
    shell.python("cloud.call(time.sleep, 100)")
    assert _firsts(shell, "--yes") == []
    assert shell.text("gc") == "No ended job is to go.\n"
