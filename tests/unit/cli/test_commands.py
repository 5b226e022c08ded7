from __future__ import annotations

import json

import pytest
import rich_click as click
from click.testing import CliRunner, Result

from picloud.cli.commands import Command, LazyGroup, Options, ReadingCommand, parsed


@click.group(cls=LazyGroup, places={"encode": "json:JSONEncoder", "late": "tests_have_no_such_module:late"})
@click.option("--offline", is_flag=True)
@click.pass_obj
def group(options: Options, offline: bool) -> None:
    options.offline = offline


@group.command(cls=Command)
@click.argument("number", callback=parsed(int), required=False)
@click.pass_obj
def needs(options: Options, number: int | None) -> None:
    click.echo(json.dumps([options.json, options.offline, number]))


@group.command(cls=ReadingCommand)
@click.pass_obj
def reads(options: Options) -> None:
    click.echo(json.dumps([options.json, options.offline]))


def _run(*words: str) -> Result:
    return CliRunner().invoke(group, words, obj=Options())


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (["needs"], [False, False, None]),
        (["needs", "--json", "5"], [True, False, 5]),
        (["reads"], [False, False]),
        (["reads", "--offline", "--json"], [True, True]),
        (["--offline", "reads"], [False, True]),
    ],
)
def test_options_are_understood_on_both_sides_of_the_command(words: list[str], answer: list[object]) -> None:
    assert json.loads(_run(*words).output) == answer


def test_what_needs_a_node_cannot_be_offline() -> None:
    result = _run("--offline", "needs")
    assert result.exit_code == 2
    assert "needs a node" in result.output


def test_text_that_is_refused_says_why() -> None:
    result = _run("needs", "five")
    assert result.exit_code == 2
    assert "invalid literal" in result.output


@pytest.mark.parametrize("command", ["needs", "reads"])
def test_every_command_tells_the_version(command: str) -> None:
    assert _run(command, "--version").output.startswith("picloud ")


def test_commands_are_imported_when_they_are_called() -> None:
    context = click.Context(group)
    assert group.list_commands(context)[:2] == ["encode", "late"]
    with pytest.raises(ModuleNotFoundError):
        group.get_command(context, "late")
    assert group.get_command(context, "unknown") is None
