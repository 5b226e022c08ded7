"""The program `picloud`: its commands, what is understood before them, and errors as exit statuses."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import rich_click as click

from picloud.cli.commands import LazyGroup, Options, print_version
from picloud.cli.failures import Exit, report
from picloud.cli.output import Form

_COMMANDS = {
    "status": "picloud.cli.jobs:status",
    "result": "picloud.cli.jobs:result",
    "join": "picloud.cli.jobs:join",
    "info": "picloud.cli.jobs:info",
    "kill": "picloud.cli.jobs:kill",
    "delete": "picloud.cli.jobs:delete",
    "gc": "picloud.cli.collect:collect",
    "node": "picloud.cli.node:node",
}


@click.group("picloud", cls=LazyGroup, places=_COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "-o",
    "--output",
    type=click.Choice([str(form) for form in Form]),
    default=str(Form.DEFAULT),
    help="How to print.",
    show_default=True,
)
@click.option("--json", is_flag=True, help="The same as -o json.")
@click.option("--offline", is_flag=True, help="Read the store without a node (status, result, info, node check).")
@click.option("-v", "--verbose", is_flag=True, help="Show picloud's own traceback with an error.")
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=print_version,
    help="Print the version and end.",
)
@click.pass_obj
def root(options: Options, output: str, json: bool, offline: bool, verbose: bool) -> None:
    """Look after jobs and the node that runs them.

    JIDS are jids and inclusive ranges such as 1-4,7, or 'all', or 'last' for the newest submission.

    Exit status: 0 fine, 1 a job failed or something else did, 2 wrong usage, 3 no node can be reached, 124 timed out,
    130 interrupted.
    """
    options.form = Form.JSON if json else Form(output)
    options.offline = offline
    options.verbose = verbose


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    words = list(sys.argv[1:] if argv is None else argv)
    options = Options()
    try:
        status = root.main(args=words, prog_name="picloud", standalone_mode=False, obj=options)
        sys.stdout.flush()
    except SystemExit as error:
        # So rich-click ends where a command's name was left out and help was printed instead.
        return error.code if isinstance(error.code, int) else Exit.FAILED
    except (Exception, KeyboardInterrupt) as error:
        # A command line that is not understood may not have got as far as its --json.
        return report(error, as_json=options.json or "--json" in words, verbose=options.verbose)
    return int(status) if isinstance(status, int) else Exit.FINE


if __name__ == "__main__":
    sys.exit(main())
