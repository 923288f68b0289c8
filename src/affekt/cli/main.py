"""The `affekt` command: gathers the commands and turns errors into one clear line and exit code 2."""

import os
import sys
from typing import Annotated

import typer

from affekt import __version__
from affekt.cli import audit, demo, evaluate, export, hub, keys, listen, listing, read, reproduce, serve, train, voices, watch
from affekt.errors import AffektError

UsageError: type[Exception] = typer.BadParameter.__mro__[1]  # click's; newer typers bring click along under a name of their own

app = typer.Typer(
    help="Reads emotion from text, speech and faces: a calibrated timeline of who felt what, when and how surely.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.callback(invoke_without_command=True)
def options(version: Annotated[bool, typer.Option("--version", help="print the version")] = False) -> None:
    """Reads emotion from text, speech and faces: a calibrated timeline of who felt what, when and how surely."""
    if version:
        print(f"affekt {__version__}")
        raise typer.Exit


app.command("read")(read.read)
app.command("listen")(listen.listen)
app.command("watch")(watch.watch)
app.add_typer(voices.app, name="voices")
app.command("serve")(serve.serve)
app.add_typer(keys.app, name="keys")
app.add_typer(audit.app, name="audit")
app.command("models")(listing.models)
app.command("labels")(listing.labels)
app.command("evaluate")(evaluate.evaluate)
app.command("train")(train.train)
app.command("export")(export.export)
app.command("push")(hub.push)
app.command("pull")(hub.pull)
app.command("reproduce")(reproduce.reproduce)
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
    except BrokenPipeError:  # whoever read our output has had enough, as `head` has
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is still buffered goes nowhere
        code = 0
    except OSError as error:
        print(f"affekt: {error.filename or 'a file'} cannot be used: {error.strerror or error}", file=sys.stderr)
        code = 2
    except (KeyboardInterrupt, typer.Abort):
        print("affekt: stopped", file=sys.stderr)
        code = 130
    sys.exit(code or 0)
