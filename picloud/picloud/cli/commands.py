"""How commands are made: what all of them understand, and groups that import a command when it is called."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, TypeVar

import rich_click as click

from picloud import __version__
from picloud.cli.output import Form

_T = TypeVar("_T")


@dataclass(slots=True)
class Options:
    """What was said for any command."""

    form: Form = Form.DEFAULT
    """How to print."""
    verbose: bool = False
    """Whether an error comes with picloud's own traceback."""
    offline: bool = False
    """Whether to read the store without a node."""

    @property
    def json(self) -> bool:
        """Whether to print JSON."""
        return self.form is Form.JSON


def print_version(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    """Print picloud's and Python's version, and end."""
    if value and not ctx.resilient_parsing:
        click.echo(f"picloud {__version__} (Python {platform.python_version()})")
        ctx.exit()


def _choose_json(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if value:
        ctx.ensure_object(Options).form = Form.JSON


def _choose_offline(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if value:
        ctx.ensure_object(Options).offline = True


class Command(click.RichCommand):
    """A command that needs a node; it understands `--json` and `--version` behind its name too."""

    reads = False
    """Whether it can do without a node."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Add the options that all commands understand."""
        super().__init__(*args, **kwargs)
        self.params.append(_flag("--json", _choose_json, "Print JSON."))
        self.params.append(_flag("--version", print_version, "Print the version and end.", hidden=True))
        if self.reads:
            self.params.append(_flag("--offline", _choose_offline, "Read the store without a node."))

    def invoke(self, ctx: click.Context) -> Any:
        """Run it, unless it was asked to do without the node that it needs."""
        if ctx.ensure_object(Options).offline and not self.reads:
            raise click.UsageError(f"`{ctx.command_path}` needs a node; --offline is for commands that only read", ctx)
        return super().invoke(ctx)


class ReadingCommand(Command):
    """A command that can read the store by itself, with `--offline`."""

    reads = True


def parsed(parse: Callable[[str], _T]) -> Callable[[click.Context, click.Parameter, str | None], _T | None]:
    """Return a callback for a parameter whose text `parse` understands, or refuses with a ValueError that says why."""

    def callback(ctx: click.Context, param: click.Parameter, value: str | None) -> _T | None:
        if value is None:
            return None
        try:
            return parse(value)
        except ValueError as error:
            raise click.BadParameter(str(error), ctx, param) from error

    return callback


def _flag(name: str, callback: Any, text: str, *, hidden: bool = False) -> click.Option:
    return click.Option(
        [name], is_flag=True, is_eager=True, expose_value=False, callback=callback, help=text, hidden=hidden
    )


class LazyGroup(click.RichGroup):
    """A group whose commands are imported when they are called, or listed with their help."""

    def __init__(self, *args: Any, places: Mapping[str, str] | None = None, **kwargs: Any) -> None:
        """Know commands by name, each as `module:attribute`."""
        super().__init__(*args, **kwargs)
        self.places = dict(places or {})

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order in which they were given."""
        return [*self.places, *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, importing its module."""
        place = self.places.get(cmd_name)
        if place is None:
            return super().get_command(ctx, cmd_name)
        module, _, attribute = place.partition(":")
        command = getattr(import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command
