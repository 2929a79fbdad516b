"""`python -m training_core run SOURCE`: a run without a page, alone or as one of several processes; `import`, `export`: recipes."""

from __future__ import annotations

import argparse
import logging
import os
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

if __package__:
    from .errors import AthanorError, Fault, shortened
    from .host import signals
else:  # started as a folder: python /path/to/athanor/training_core run ...
    import runpy

    sys.path[0] = str(Path(__file__).resolve().parents[1])
    runpy.run_module("training_core", run_name="__main__", alter_sys=True)

if TYPE_CHECKING:
    from .graph_sources import Source
    from .host.headless import Headless

PACK = Path(__file__).resolve().parents[1]
DONE, FAILED, REFUSED, STOPPED, RESUMABLE = 0, 1, 2, 3, 75
HELP = """\
SOURCE is what holds the graph:
  a run's folder (output/athanor/runs/<run id>), or its job.json: settings edited there count
  graph.json, or a workflow as ComfyUI saves it: Save, or Export (API)
  a LoRA file that carries its graph

examples:
  python -m training_core run my_workflow.json --set epochs=4
  python -m training_core run study.json --node "Train: A" --set "Loss Config.loss_type=huber"
  accelerate launch --multi_gpu --num_processes 2 -m training_core run job.json

exit codes:
  0    done, now or before: the LoRA is there
  1    failed: out of memory or disk space, training that diverged, another process that
       trains the same, a bug; the sentence says which
  2    refused: an argument, the graph or a setting is wrong; the sentence says what
  3    stopped by the command "stop" of the page or the API; the LoRA up to there is saved
  75   interrupted (Ctrl-C, SIGTERM) and saved: the same command goes on from there
  130, 143 (128 + the signal's number): ended before training began, or by a second signal
accelerate launch makes 1 of any but 0.

ComfyUI's folder is --comfyui, COMFYUI_PATH, or the one around this pack or the current folder.
All other options are ComfyUI's: --base-directory DIR, --cpu, --extra-model-paths-config FILE ...
"""


def _parser() -> argparse.ArgumentParser:
    from .command import exporting, importing

    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        "python -m training_core", description="Trains without a page.", epilog=HELP, formatter_class=form
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="run, import, export")
    run = commands.add_parser(
        "run",
        help="train what a Train LoRA node of a graph describes",
        description="Trains what a Train LoRA node of a graph describes.",
        epilog=HELP,
        formatter_class=form,
        allow_abbrev=False,
    )
    run.add_argument("source", type=Path, metavar="SOURCE", help="a file or folder that holds the graph, see below")
    run.add_argument("--node", default="", help="id or title of the Train LoRA node, if the graph has several")
    run.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NODE.INPUT=VALUE",
        help="change a setting of the graph; NODE is an id, a type or a title, and may be left out if one node has INPUT",
    )
    run.add_argument("--comfyui", type=Path, metavar="DIR", help="ComfyUI's folder")
    importing.add_parser(commands)
    exporting.add_parser(commands)
    return parser


def _comfyui(named: Path | None) -> Path:
    """Return ComfyUI's folder: `named`, that of COMFYUI_PATH, or the one around this pack or the current folder.

    Raises:
        AthanorError: there is no ComfyUI in it.
    """
    from .host.headless import is_comfyui

    told = named or os.environ.get("COMFYUI_PATH")
    if told:
        path = Path(told).expanduser()
        if not is_comfyui(path):
            how = "--comfyui" if named else "COMFYUI_PATH"
            raise AthanorError(
                f"There is no ComfyUI in {path}, which {how} names: name the folder that holds its main.py."
            )
        return path.resolve()
    # abspath and PWD: the pack may be linked into custom_nodes, and both keep the link.
    for start in (Path(os.path.abspath(__file__)), Path(os.environ.get("PWD", ".")), Path.cwd()):
        for folder in (start, *start.parents):
            if is_comfyui(folder):
                return folder.resolve()
    raise AthanorError(f"There is no ComfyUI around {PACK}: name its folder with --comfyui, or in COMFYUI_PATH.")


def _prepared(source: Source, arguments: argparse.Namespace, host: Headless) -> tuple[dict[str, Any], str]:
    """Return the graph to run, with all changes to it, and the id of the node that trains.

    Raises:
        AthanorError: there is no such node, or a change is not possible.
    """
    from . import graph_sources, page_form
    from .command import edits, job_edits

    def leading(prompt: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        node = graph_sources.train_node(source, prompt, arguments.node)
        return node, graph_sources.copied_part(prompt, node)

    problems: dict[str, str] = {}
    first = page_form.to_prompt(source.workflow, host.inputs).prompt if source.workflow is not None else source.prompt
    node, prompt = leading(first or {})
    # Loads the packs of the graph's nodes, whose inputs are then known.
    missing = host.lacks(each["class_type"] for each in prompt.values())
    if source.workflow is not None:
        if missing:
            raise AthanorError(
                f"The workflow has nodes that this ComfyUI lacks, or that are the page's alone ({shortened(', '.join(missing))}): "
                f"install their packs, or {page_form.EXPORT}."
            )
        converted = page_form.to_prompt(source.workflow, host.inputs)
        problems = converted.problems
        node, prompt = leading(converted.prompt)
    for problem in (problems[key] for key in prompt if key in problems):
        raise AthanorError(problem)
    log = logging.getLogger("athanor")
    if source.settings is not None:
        for name in job_edits.unknown(source.settings):
            log.warning("Athanor: job.json has %s, which this version does not know: it is ignored.", name)
        for edit in job_edits.carry(prompt, node, source.settings, source.written):
            log.info("Athanor: edited in job.json: %s", edit)
    for text in arguments.set:
        edits.apply(prompt, node, text, host.inputs, host.titles)
    return prompt, node


def _one_gpu(rank: int) -> None:
    """Let this process see its own GPU alone, since ComfyUI takes the first that it sees."""
    seen = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")
    os.environ["CUDA_VISIBLE_DEVICES"] = seen[rank] if seen != [""] and rank < len(seen) else str(rank)


def _run(arguments: argparse.Namespace, options: list[str]) -> int:
    """Run the graph that the arguments name; return the exit code.

    Raises:
        AthanorError: what is wrong, in one sentence.
        Interrupted: by the user.
    """
    from . import graph_sources
    from .command.terminal import Terminal

    source, folder = graph_sources.read(arguments.source.expanduser()), _comfyui(arguments.comfyui)
    rank = int(os.environ.get("RANK", "0"))
    if int(os.environ.get("WORLD_SIZE", "1")) > 1 and "--cpu" not in options:
        _one_gpu(int(os.environ.get("LOCAL_RANK", "0")))
    # The pack's folder `nodes` must not be found before the host's module.
    sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() not in (PACK, PACK / "training_core")]
    from .host.headless import Headless, Interrupted, Stopped

    live = sys.stdout.isatty()
    terminal = Terminal(sys.stdout, live, rank == 0)
    log, handler = logging.getLogger("athanor"), logging.StreamHandler(sys.stdout)
    handler.setFormatter(terminal.formatter())
    log.propagate = False
    log.setLevel(logging.INFO if rank == 0 else logging.ERROR)
    log.addHandler(handler)
    terminal.say(f"starting ComfyUI in {folder}")
    with Headless(folder, options, rank == 0, terminal, None if live else terminal.formatter()) as host:
        together = host.part("training_core.run.ranks").join(host.device, host.interrupted)
        prompt, node = _prepared(source, arguments, host)
        try:
            shown = host.run(prompt, node)
        except Interrupted:
            terminal.flush()
            together.wait_for_main(120)  # once one process is gone, the launcher gives rank 0 some seconds only
            raise
        except Stopped:
            terminal.flush()
            return _stopped()
        terminal.flush(unless=shown.text)
        terminal.say(shown.text)
        return DONE if not shown.run_id or host.status(shown.run_id) == "done" else _stopped()


def _recipes(arguments: argparse.Namespace) -> int:
    """Turn a recipe into a graph, or a graph into a recipe, without ComfyUI; return the exit code.

    Raises:
        AthanorError: what is wrong, in one sentence.
    """
    from .command import exporting, importing

    (importing if arguments.command == "import" else exporting).run(arguments)
    return DONE


def _stopped() -> int:
    """Return the exit code of a run that was stopped: for the process of a run that has launched it nothing has failed."""
    from .resume.lock import LAUNCH

    return DONE if LAUNCH in os.environ else STOPPED


def main() -> int:
    """Run the command line; return its exit code, after one sentence about what is wrong."""
    signals.end_at_once()  # until the graph runs, whose interrupt they are
    parser = _parser()
    known, options = parser.parse_known_args()
    if options and known.command != "run":
        parser.error(f"there is no option {shortened(options[0])}: see --help")
    where = f" (process {os.environ['RANK']})" if int(os.environ.get("WORLD_SIZE", "1")) > 1 else ""
    try:
        return _run(known, options) if known.command == "run" else _recipes(known)
    except Exception as error:
        code, message = _ending(error)
        print(f"Athanor stopped{where}: {message}", file=sys.stderr, flush=True)
        return code


def _ending(error: Exception) -> tuple[int, str]:
    """Return the exit code of an error and what is said about it."""
    if isinstance(error, AthanorError):
        return FAILED if isinstance(error, Fault) else REFUSED, str(error)
    if type(error).__name__ == "Interrupted":
        return RESUMABLE, "interrupted; the progress is saved, the same command resumes from there."
    if isinstance(error, ModuleNotFoundError):
        missing = f"{sys.executable} has no Python package {error.name}"
        return (
            REFUSED,
            f"{missing}: start this with the Python that runs ComfyUI, or install the pack's requirements.txt there.",
        )
    if isinstance(error, RuntimeError) and str(error):
        return FAILED, str(error)
    return FAILED, "".join(traceback.format_exception(error))


if __name__ == "__main__" and __package__:
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # not waiting for threads of the host, nor for a GPU that waits for a process that is gone
