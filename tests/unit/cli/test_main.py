from __future__ import annotations

import json
import platform
import subprocess
import sys

import pytest

from picloud import __version__
from picloud.cli.main import main

HEAVY = {"asyncio", "lmdb", "pluggy", "textual", "numpy", "msgspec", "cloudpickle", "picloud.client", "picloud.node"}


@pytest.mark.parametrize("words", [["--version"], ["status", "--version"], ["node", "start", "--version"]])
def test_the_version_can_be_asked_anywhere(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 0
    assert capsys.readouterr().out == f"picloud {__version__} (Python {platform.python_version()})\n"


@pytest.mark.parametrize("word", ["-h", "--help"])
def test_help_names_every_command(word: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([word]) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in ("status", "result", "join", "info", "kill", "delete", "gc", "node"))


def test_nothing_is_wrong_usage_and_gives_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "Usage" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words",
    [["nonsense"], ["status"], ["status", "x"], ["--bogus"], ["status", "1", "--bogus"], ["-o", "xml", "status", "1"]],
)
def test_wrong_usage(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("picloud: ")


@pytest.mark.parametrize("words", [["--json", "status", "x"], ["-o", "json", "status", "x"], ["status", "x", "--json"]])
def test_errors_in_json(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    error = json.loads(err)["error"]
    assert error["code"] == "usage"
    assert "'x' is no jid" in error["msg"]


def test_the_version_loads_little() -> None:
    program = "import sys; from picloud.cli.main import main; main(['--version']); print(*sys.modules)"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30)
    assert not set(result.stdout.split()) & HEAVY
