"""The example of the README's first line, as a person runs it."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[3] / "examples" / "stdlib_report.py"
SKIPPED = {"site-packages", "dist-packages", "lib2to3", "__pycache__"}


def _modules() -> int:
    files = Path(sysconfig.get_path("stdlib")).rglob("*.py")
    return sum(1 for path in files if not SKIPPED.intersection(path.parts))


def _length(path: str, name: str) -> int:
    """Return the lines of the longest function of that name in a file."""
    return max(
        (node.end_lineno or 0) - node.lineno + 1
        for node in ast.walk(ast.parse(Path(path).read_bytes()))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name == name
    )


@pytest.mark.timeout(240)
def test_the_report(home: Path, tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, str(EXAMPLE)], cwd=tmp_path, capture_output=True, text=True, timeout=200, check=True
    )
    count = _modules()
    progress = result.stderr.replace("\r", "").splitlines()
    assert progress[-1].strip() == f"{count}/{count} modules ({count} done)"
    assert len(progress) > 1
    lines = result.stdout.splitlines()
    first, last = map(int, re.findall(r"jobs (\d+) to (\d+)$", lines[0])[0])
    assert last - first + 1 == count
    assert f"  {count} files (" in lines[1]
    assert int(re.findall(r"(\d+) functions", lines[2])[0]) > 10_000
    longest = [re.fullmatch(r" +(\d+) lines  (\w+)  in (.+)", line) for line in lines[3:8]]
    lengths = []
    for match in longest:
        assert match is not None
        assert _length(match[3], match[2]) == int(match[1])
        lengths.append(int(match[1]))
    assert lengths == sorted(lengths, reverse=True)
    spread = [int(number) for number in re.findall(r"^ +\d+ +(\d+) modules", result.stdout, re.MULTILINE)]
    assert sum(spread) == count
    assert re.fullmatch(r"  [\d.]+ seconds from the first line to the report; .+", lines[-1])
    # Another program still knows the jobs, as the last line says.
    command = [sys.executable, "-m", "picloud.cli.main", "status", f"{first},{last}"]
    status = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    assert status.stdout.split() == ["jid", "status", str(first), "done", str(last), "done"]
