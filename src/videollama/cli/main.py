"""The command `videollama`: one verb per file, and one place where errors become sentences."""

import errno
import io
import logging
import os
import sys
from typing import Annotated, NoReturn

import typer

from videollama import __version__
from videollama.cli import language as language_choice
from videollama.cli.analyze import analyze
from videollama.cli.ask import ask
from videollama.cli.batch import batch
from videollama.cli.caption import caption
from videollama.cli.chat import chat
from videollama.cli.convert import convert
from videollama.cli.data import app as data_app
from videollama.cli.doctor import doctor
from videollama.cli.embed import embed
from videollama.cli.eval import evaluate
from videollama.cli.features import app as features_app
from videollama.cli.highlights import highlights
from videollama.cli.index import index
from videollama.cli.models import models
from videollama.cli.probe import probe
from videollama.cli.pull import pull
from videollama.cli.search import search
from videollama.cli.serve import serve
from videollama.cli.story import story
from videollama.cli.subtitle import subtitle
from videollama.cli.train import train
from videollama.cli.watch import watch
from videollama.cli.web import web
from videollama.errors import VideoLlamaError

app = typer.Typer(
    name="videollama",
    help="Ask questions about videos, by what is seen and what is heard.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,  # a defect of ours keeps its plain traceback
    context_settings={"help_option_names": ["-h", "--help"]},
)

_DISK_ERRORS = {
    errno.ENOSPC: "the disk is full; free some space or write somewhere else",
    errno.EDQUOT: "your disk quota is used up; free some space or write somewhere else",
    errno.EROFS: "the file system is read-only; write somewhere else",
    errno.EACCES: "permission is denied; choose a place you may read and write",
    errno.EPERM: "the operation is not permitted; choose a place you may read and write",
    errno.EISDIR: "this is a folder; name a file",
    errno.ENOTDIR: "a part of this path is a file, not a folder; choose another place",
    errno.ENAMETOOLONG: "the file name is too long; choose a shorter one",
}


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"videollama {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
    language: Annotated[
        str | None,
        typer.Option(
            language_choice.OPTION,
            metavar="CODE",
            help="Language of what the command says: en, zh. (that of the locale)",
        ),
    ] = None,
) -> None:
    pass


app.command("ask")(ask)
app.command("chat")(chat)
app.command("caption")(caption)
app.command("analyze")(analyze)
app.command("subtitle")(subtitle)
app.command("story")(story)
app.command("watch")(watch)
app.command("index")(index)
app.command("search")(search)
app.command("highlights")(highlights)
app.command("embed")(embed)
app.command("batch")(batch)
app.command("probe")(probe)
app.command("pull")(pull)
app.command("models")(models)
app.command("convert")(convert)
app.command("train")(train)
app.add_typer(data_app, name="data")
app.add_typer(features_app, name="features")
app.command("eval")(evaluate)
app.command("serve")(serve)
app.command("web")(web)
app.command("doctor")(doctor)


def run(arguments: list[str] | None = None) -> NoReturn:
    """Runs the command line and exits: 0 done, 2 the user's to fix, 130 interrupted.

    Args:
        arguments: Words after `videollama`; the process's own by default.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        # File names may hold bytes of another encoding; JSON reads this escape back.
        sys.stdout.reconfigure(errors="backslashreplace")
    # Torch's threads else spin for milliseconds after all that they do, on cores that others need.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # Its import warns on CPUs of a kernel for 4 bits that nothing here uses.
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
    try:
        language_choice.begin(sys.argv[1:] if arguments is None else arguments)
        command = typer.main.get_command(app)
        language_choice.translate_help(command)
        command(arguments)
    except VideoLlamaError as error:
        sys.exit(_complain(str(error)))
    except KeyboardInterrupt:
        sys.exit(130)
    except OSError as error:
        if error.errno not in _DISK_ERRORS:
            raise
        place = f"{error.filename}: " if error.filename else ""
        what = language_choice.say(_DISK_ERRORS[error.errno])
        sys.exit(_complain(f"{place}{what}."))
    sys.exit(0)


def _complain(sentence: str) -> int:
    from rich.console import Console

    console = Console(stderr=True, soft_wrap=True)
    console.print(language_choice.explain(sentence), style="red", markup=False, highlight=False)
    return 2
