"""`python -m training_core import RECIPE ...`: a recipe of another program -> what became of it, and a graph to run."""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

from ..errors import AthanorError, quoted
from ..files import file_errors
from ..recipes.answers import by_role, open_questions
from ..recipes.document import LARGEST, Document
from ..recipes.graph import graph
from ..recipes.listing import listed
from ..recipes.read import read
from ..recipes.recipe_file import document_of

STDIN = "-"
HELP = """\
RECIPE is a file: an sd-scripts command or TOML, a kohya GUI, OneTrainer, ai-toolkit, musubi-tuner,
diffusion-pipe or LoRA-scripts configuration, a LoRA file, or a text with lines such as "rank: 32"; or - for
the standard input. Several that belong together, such as a command, its dataset and its prompts, are named
one after the other.

examples:
  python -m training_core import train.sh dataset.toml -o graph.json
  python -m training_core import train.toml --answer checkpoint=sdxl.safetensors --answer folder=my_pictures -o graph.json
  python -m training_core run graph.json

ROLE is checkpoint, diffusion_model, vae, clip_l, clip_g, t5xxl, text_encoder, folder, mask_folder, control_folder
or network_weights; of several folders the first answer is for the first, and so on. VALUE is a name as ComfyUI's
loaders list it, or a folder in its input or datasets folder. What is not answered can be set later:
  python -m training_core run graph.json --set "Load Checkpoint.ckpt_name=sdxl.safetensors"
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "import",
        help="turn a recipe of another program into a graph",
        description="Turns a recipe of another program into a graph, and tells what became of everything in it.",
        epilog=HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("recipes", nargs="+", metavar="RECIPE", help="a file, or - for the standard input, see below")
    parser.add_argument(
        "--answer", action="append", default=[], metavar="ROLE=VALUE", help="a file or folder that the recipe needs"
    )
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="where the graph is written, as JSON of the API"
    )


def run(arguments: argparse.Namespace) -> None:
    """Print what became of a recipe, and write its graph.

    Raises:
        AthanorError: a file cannot be read or is no recipe, an answer is for nothing, or the graph cannot be written.
    """
    reading = read([_document(name) for name in arguments.recipes])
    made = graph(reading.recipe, form=reading.form, lines=reading.lines)
    answers = by_role(made, [_answer(text) for text in arguments.answer])
    waiting = [f"- {each.text} (--answer {each.role}=...)" for each in open_questions(made, answers)]
    said = [listed(reading), *(["", "To be chosen:", *waiting] if waiting else [])]
    if arguments.output is not None:
        text = json.dumps(made.answered(answers).prompt(), indent=1)
        with file_errors(arguments.output):
            arguments.output.write_text(f"{text}\n", encoding="utf-8")
        said += ["", f"The graph is in {arguments.output}."]
    try:
        print("\n".join(said), flush=True)
    except BrokenPipeError:  # the reader, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _document(name: str) -> Document:
    if name == STDIN:
        return Document(data=sys.stdin.buffer.read(LARGEST + 1))
    return document_of(Path(name).expanduser())


def _answer(text: str) -> tuple[str, str]:
    role, equals, value = text.partition("=")
    if not equals or not role.strip() or not value.strip():
        raise AthanorError(f"--answer {quoted(text)}: write ROLE=VALUE, such as --answer checkpoint=sdxl.safetensors.")
    return role.strip(), value.strip()
