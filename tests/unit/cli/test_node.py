from __future__ import annotations

import pytest

from picloud.cli.main import main


@pytest.mark.parametrize("words", [["start"], ["stop"], ["status"], ["logs"]])
def test_what_only_a_node_can_do(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--offline", "node", *words]) == 2
    assert "needs a node" in capsys.readouterr().err


def test_a_log_that_is_followed_is_not_one_json_value(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["node", "logs", "-f", "--json"]) == 2
    assert "--follow never ends" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words", [["backup"], ["backup", "a", "b"], ["stop", "-t", "soon"], ["logs", "-n", "-1"], ["nap"]]
)
def test_wrong_usage(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["node", *words]) == 2
    assert "picloud node" in capsys.readouterr().err
