"""`python -m training_core run JOB.json`: a run without a page, alone or as one of several processes.

JOB.json is what every run leaves in its folder, output/athanor/runs/<run id>/job.json. With several GPUs:
`accelerate launch --multi_gpu --num_processes 2 -m training_core run JOB.json`.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import time
from pathlib import Path
from typing import Any

from .errors import AthanorError
from .host import signals
from .text_files import read_structure

PACK = Path(__file__).resolve().parents[1]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("training_core", description=(__doc__ or "").partition("\n")[0])
    run = parser.add_subparsers(dest="command", required=True).add_parser(
        "run",
        help="train what a job.json describes",
        epilog="All other options are ComfyUI's own: --base-directory DIR, --cpu, --extra-model-paths-config FILE ...",
        allow_abbrev=False,
    )
    run.add_argument("job", type=Path, help="job.json from the folder of a run")
    run.add_argument("--comfyui", type=Path, help="ComfyUI's folder; left out: the one this pack is installed in")
    return parser


def _comfyui(named: Path | None) -> Path:
    """Return ComfyUI's folder: `named`, or the one that this pack is installed in.

    Raises:
        AthanorError: there is no ComfyUI in it.
    """
    from .host.headless import is_comfyui

    # abspath: the pack may be linked into custom_nodes.
    path = (named or Path(os.path.abspath(__file__)).parents[3]).expanduser()
    if not is_comfyui(path):
        raise AthanorError(f"There is no ComfyUI in {path}: name its folder with --comfyui.")
    return path.resolve()


def _graph(path: Path) -> dict[str, Any]:
    """Return the graph of a job.json: its prompt, and the id of the node that trains.

    Raises:
        AthanorError: the file cannot be read, or holds no graph.
    """
    job = read_structure(path)
    try:
        graph = job["graph"]
        return {"prompt": dict(graph["prompt"]), "node": str(graph["node"])}
    except (LookupError, TypeError, ValueError):
        raise AthanorError(
            f"{path} is not a job with a graph: use the job.json of a run's folder, output/athanor/runs/<run id>."
        ) from None


def _one_gpu(rank: int) -> None:
    """Let this process see its own GPU alone, since ComfyUI takes the first that it sees."""
    seen = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")
    os.environ["CUDA_VISIBLE_DEVICES"] = seen[rank] if seen != [""] and rank < len(seen) else str(rank)


class _Terminal:
    """Prints what nodes show: a line every two seconds, and the last one."""

    def __init__(self, loud: bool) -> None:
        self._loud, self._printed_at, self._waiting = loud, 0.0, ""

    def __call__(self, text: str) -> None:
        self._waiting = ", ".join(text.splitlines())
        if time.monotonic() - self._printed_at > 2:
            self.flush()

    def flush(self) -> None:
        """Print the last line, if it has not been printed yet."""
        if self._loud and self._waiting:
            print(self._waiting, flush=True)
        self._printed_at, self._waiting = time.monotonic(), ""


def _run(job: Path, comfyui: Path | None, options: list[str]) -> None:
    """Run the graph of `job`.

    Raises:
        AthanorError: what is wrong, in one sentence.
        Interrupted: by the user.
    """
    graph, folder = _graph(job.expanduser()), _comfyui(comfyui)
    rank = int(os.environ.get("RANK", "0"))
    if int(os.environ.get("WORLD_SIZE", "1")) > 1 and "--cpu" not in options:
        _one_gpu(int(os.environ.get("LOCAL_RANK", "0")))
    # The pack's folder `nodes` must not be found before the host's module.
    sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() not in (PACK, PACK / "training_core")]
    from .host.headless import Headless, Interrupted

    log = logging.getLogger("athanor")
    log.propagate = False
    log.setLevel(logging.INFO if rank == 0 else logging.ERROR)
    log.addHandler(logging.StreamHandler(sys.stdout))
    terminal = _Terminal(rank == 0)
    with Headless(folder, options, rank == 0, terminal) as host:
        together = host.part("training_core.run.ranks").join(host.device, host.interrupted)
        try:
            summary = host.run(graph["prompt"], graph["node"])
        except Interrupted:
            together.wait_for_main(120)  # once one process is gone, the launcher gives rank 0 some seconds only
            raise
        finally:
            terminal.flush()
    if together.is_main:
        print(summary, flush=True)


def main() -> int:
    """Run the command line; return its exit code: 0, or 1 after one sentence about what is wrong."""
    signals.end_at_once()  # until the graph runs, whose interrupt they are
    known, options = _parser().parse_known_args()
    where = f" (process {os.environ['RANK']})" if int(os.environ.get("WORLD_SIZE", "1")) > 1 else ""
    try:
        _run(known.job, known.comfyui, options)
        return 0
    except Exception as error:
        message = str(error) or "interrupted; the progress is saved, the same command resumes from there."
        print(f"Athanor stopped{where}: {message}", file=sys.stderr, flush=True)
        return 1


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # not waiting for threads of the host, nor for a GPU that waits for a process that is gone
