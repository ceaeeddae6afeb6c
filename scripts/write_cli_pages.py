"""Write docs/cli: a page per verb, from the verbs themselves. `make docs` runs it, a test compares.

python scripts/write_cli_pages.py [FOLDER]
"""

import inspect
import sys
from pathlib import Path
from typing import Any

import typer

from videollama.cli.main import app

FOLDER = Path(__file__).parents[1] / "docs" / "cli"


def pages() -> dict[str, str]:
    """File name to text, the index included."""
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    written = {}
    for name, command in commands.items():
        for path, leaf in _leaves(f"videollama {name}", command):
            written.setdefault(f"{name}.md", "")
            written[f"{name}.md"] += _section(path, leaf)
    lines = ["# The command\n", "Every verb explains itself with `--help`.\n"]
    for name, command in commands.items():
        lines.append(f"- [`videollama {name}`]({name}.md): {_first_line(command)}")
    written["README.md"] = "\n".join(lines) + "\n"
    return {file: text.rstrip() + "\n" for file, text in written.items()}


def _leaves(path: str, command: Any) -> list[tuple[str, Any]]:
    inner = getattr(command, "commands", None)
    if not inner:
        return [(path, command)]
    return [leaf for name, each in inner.items() for leaf in _leaves(f"{path} {name}", each)]


def _section(path: str, command: Any) -> str:
    text = inspect.cleandoc(command.help or "").replace("\b", "")
    about, _, examples = text.partition("Examples:")
    options = [each for each in command.params if each.param_type_name == "option"]
    arguments = [each for each in command.params if each.param_type_name == "argument"]
    usage = " ".join(_metavar(each) for each in arguments)
    parts = [f"# `{path}`", about.strip()]
    parts.append("    " + f"{path} {usage} [OPTIONS]".replace("  ", " "))
    if examples.strip():
        shown = [f"    {line.strip()}" for line in examples.splitlines() if line.strip()]
        parts += ["## Examples", "\n".join(shown)]
    rows = [f"| `{_metavar(each)}` | {_cell(each.help)} | |" for each in arguments]
    rows += [
        f"| `{', '.join(each.opts)}` | {_cell(each.help)} | {_default(each)} |" for each in options
    ]
    parts.append("\n".join(["| | | default |", "|---|---|---|", *rows]))
    return "\n\n".join(parts) + "\n\n"


def _metavar(argument: Any) -> str:
    return argument.metavar or argument.name.upper()


def _cell(text: str | None) -> str:
    return (text or "").replace("|", "\\|")


def _default(option: Any) -> str:
    default = option.default
    if default is None or default is False or callable(default):
        return ""
    return f"`{default}`"


def _first_line(command: Any) -> str:
    return inspect.cleandoc(command.help or "").split("\n\n")[0].replace("\n", " ")


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for file, text in pages().items():
        (folder / file).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
