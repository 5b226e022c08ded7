"""The documents keep what they promise: links lead somewhere, code is code, and the README begins with the two commands."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

from picloud.model.settings import NAMES

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _anchors(document: Path) -> set[str]:
    """Return the anchors that GitHub gives a document's headings."""
    headings = re.findall(r"^#+ (.+)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=_name)
def test_links_lead_somewhere(document: Path) -> None:
    for target in LINK.findall(document.read_text()):
        if re.match(r"https?://", target):
            continue
        file, _, anchor = target.partition("#")
        path = (document.parent / file) if file else document
        assert path.exists(), target
        assert not anchor or anchor in _anchors(path), target


@pytest.mark.parametrize("document", DOCUMENTS, ids=_name)
def test_code_blocks_are_code(document: Path) -> None:
    for language, code in BLOCK.findall(document.read_text()):
        if language == "python":
            ast.parse(code)
        elif language == "sh":
            subprocess.run(["bash", "-n", "-c", code], check=True, timeout=10)


def test_the_readme_begins_with_the_two_commands() -> None:
    """The first runs the example, the second all tests; both make what they need."""
    fence, example, tests, end = (ROOT / "README.md").read_text().splitlines()[:4]
    assert (fence, end) == ("```sh", "```")
    assert example.startswith("python3 -m venv")
    assert example.endswith("/python examples/stdlib_report.py")
    assert tests.startswith("python3 -m venv")
    assert tests.endswith("/tox")


def test_every_example_is_named_in_the_readme_and_run_by_a_test() -> None:
    readme = (ROOT / "README.md").read_text()
    tests = ROOT / "tests" / "system" / "examples"
    programs = [
        path for path in sorted((ROOT / "examples").rglob("*.py")) if '__name__ == "__main__"' in path.read_text()
    ]
    assert len(programs) > 5
    for program in programs:
        assert f"]({_name(program)})" in readme
        subject = program.stem if program.parent.name == "examples" else program.parent.name
        assert (tests / f"test_{subject}.py").exists(), program


def test_ci_runs_the_readmes_command() -> None:
    script = (ROOT / ".ci" / "run").read_text()
    assert "README.md" in script
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111
    subprocess.run(["bash", "-n", str(ROOT / ".ci" / "run")], check=True, timeout=10)


def test_every_setting_of_the_readme_exists() -> None:
    table = re.findall(r"^\| `(\w+)` \|", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert table
    assert set(table) <= set(NAMES)
