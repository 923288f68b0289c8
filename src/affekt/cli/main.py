"""The `affekt` command: gathers the commands and turns errors into one clear line and exit code 2."""

import sys

import typer

from affekt.cli import demo, evaluate, listing, read
from affekt.errors import AffektError

UsageError: type[Exception] = typer.BadParameter.__mro__[1]  # click's; newer typers bring click along under a name of their own

app = typer.Typer(
    help="Reads emotion from text: a calibrated timeline of who felt what, when and how surely.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("read")(read.read)
app.command("models")(listing.models)
app.command("labels")(listing.labels)
app.command("evaluate")(evaluate.evaluate)
app.command("demo")(demo.demo)


def main() -> None:
    """Runs the command; exit code 0: done, 2: what was given cannot be used, 130: stopped by Ctrl-C."""
    try:
        code = app(standalone_mode=False)
    except AffektError as error:
        print(f"affekt: {error}", file=sys.stderr)
        code = 2
    except UsageError as error:
        print(f"affekt: {error} (affekt --help lists the commands)", file=sys.stderr)
        code = 2
    except (KeyboardInterrupt, typer.Abort):
        print("affekt: stopped", file=sys.stderr)
        code = 130
    except BrokenPipeError:  # whoever read our output has had enough, as `head` has
        sys.stderr.close()
        code = 0
    sys.exit(code or 0)
