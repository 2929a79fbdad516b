"""`python -m training_core export SOURCE --as FORM`: a graph, a run or any recipe in the form of another program or of a post."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from .. import graph_sources
from ..errors import AthanorError
from ..files import file_errors, make_folder, read_json
from ..recipes.exported import FORMS, Source, export, of_prompt, of_recipe, of_run
from ..recipes.read import read
from ..recipes.recipe_file import document_of
from ..recipes.writers.written import File

HELP = """\
SOURCE is a run's folder (output/athanor/runs/<run id>) or its job.json, a workflow as ComfyUI saves it (Save, or
Export (API)), or any recipe that "import" reads: a configuration of another program becomes a command of sd-scripts.

examples:
  python -m training_core export my_workflow_api.json --as command -o my_recipe
  python -m training_core export output/athanor/runs/0123456789abcdef --as table
  python -m training_core export onetrainer.json --as job -o .
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "export",
        help="write a graph or a run as a command, job.json, JSON of the API, a table or a description",
        description="Writes what a graph or a run trains by in another form, and tells what that form cannot say.",
        epilog=HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("source", type=Path, metavar="SOURCE", help="a file or a run's folder, see below")
    parser.add_argument("--as", dest="form", required=True, choices=tuple(FORMS), help="the form")
    parser.add_argument("--node", default="", help="id of the Train LoRA node, if a graph has several")
    parser.add_argument(
        "-o", "--output", type=Path, metavar="DIR", help="folder for the files; without it they are printed"
    )


def run(arguments: argparse.Namespace) -> None:
    """Write the files into the folder, or print them; what is left out goes to standard error.

    Raises:
        AthanorError: the source cannot be read, a file not be written, or another one has its name.
    """
    written = export(arguments.form, _source(arguments.source.expanduser(), arguments.node))
    if arguments.output is not None:
        make_folder(arguments.output)
        _check_free(arguments.output, written.files)
    for file in written.files:
        if arguments.output is None:
            print(f"==> {file.name} <==\n{file.text}" if len(written.files) > 1 else file.text, end="")
            continue
        path = arguments.output / file.name
        with file_errors(path):
            path.write_text(file.text, encoding="utf-8")
        print(f"Written: {path}")
    for sentence in written.left_out:
        print(f"Left out: {sentence}", file=sys.stderr)


def _check_free(folder: Path, files: Sequence[File]) -> None:
    """Refuse to write over files of others: what has a name such as dataset.toml is somebody's work.

    Raises:
        AthanorError: a file of that name is there, with another text.
    """
    for file in files:
        path = folder / file.name
        if path.is_symlink() or (path.exists() and not (path.is_file() and path.read_bytes() == file.text.encode())):
            raise AthanorError(f"{path} is there already: choose another folder with -o, or remove it.")


def _source(path: Path, node: str) -> Source:
    """Return what a file or a run's folder holds."""
    if path.is_dir():
        if not (path / "job.json").is_file():
            raise AthanorError(f"The folder {path} has no job.json: it is not the folder of a run.")
        return of_run(read_json(path / "job.json", {}))
    document = document_of(path)
    held = graph_sources.of_graph(document.json) or graph_sources.of_api(document.json)
    if held is not None and held.prompt is not None:
        family = document.json.get("family")
        return of_prompt(held.prompt, node or held.node or "", family=family if isinstance(family, str) else "")
    if graph_sources.of_job(document.json) is not None:
        graph = document.json["graph"]
        return of_run(document.json, family=str(graph.get("family") or ""))
    return of_recipe(read([document]).recipe)
