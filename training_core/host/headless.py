"""ComfyUI in this process without a page or a port: runs a graph with the host's own executor."""

from __future__ import annotations

import importlib
import logging
import os
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from ..errors import AthanorError, Fault, ForeignFault, shortened
from . import signals

PACK = Path(__file__).resolve().parents[2]
SERVER_ONLY = ("--enable-manager", "--auto-launch", "--quick-test-for-ci")


def is_comfyui(path: Path) -> bool:
    """Return whether `path` is a ComfyUI folder."""
    return (path / "main.py").is_file() and (path / "comfy" / "sd.py").is_file()


def is_shown(record: logging.LogRecord) -> bool:
    """Whether a line that ComfyUI logs is shown: of a failed node `run` tells, but where it refers to the log for the whole error."""
    return record.module != "execution" or f"athanor.{ForeignFault.__name__}: " in record.getMessage()


def arguments() -> list[str]:
    """Return arguments by which `python -m training_core run` sees the same models and folders as this process."""
    import folder_paths

    comfyui = str(Path(folder_paths.__file__).resolve().parent)
    return ["--comfyui", comfyui, *(a for a in sys.argv[1:] if a not in SERVER_ONLY)]


OWN = "athanor-"
"""What the names of jobs of the command line begin with: no client of a server has queued them."""
_QUEUED = "ATHANOR_QUEUED"
"""Environment variable: prompt id of a server's job and the time (ms) at which it was queued, which processes train for it."""


def passed_on(queued: Any) -> dict[str, str]:
    """Return the environment of a process that trains for a server's job; `queued`: its prompt_id and time, or None."""
    known = {_QUEUED: f"{queued.prompt_id} {int((queued.time or 0) * 1000)}"} if queued else {}
    return {**os.environ, **known}


def _own_job() -> tuple[str, dict[str, Any]]:
    """Return the name of this process' job and what the host keeps with it: the server's that it trains for, or one of its own."""
    name, _, time = os.environ.get(_QUEUED, "").partition(" ")
    return (name, {"create_time": int(time or 0)}) if name else (f"{OWN}{uuid.uuid4()}", {})


class Interrupted(Exception):
    """Raised when the user has stopped the graph."""


class Stopped(Exception):
    """Raised when a run was stopped by the command before it had a LoRA, so that nothing behind it could run."""


class Shown(NamedTuple):
    """What Train LoRA shows at its end."""

    text: str
    run_id: str


class Headless:
    """A ComfyUI that has its nodes loaded: the built-in ones and this pack; others when a graph names them."""

    def __init__(
        self,
        comfyui: Path,
        options: Sequence[str],
        loud: bool,
        say: Callable[[str], None],
        formatter: logging.Formatter | None = None,
    ) -> None:
        """Start ComfyUI; nothing of it or of torch may have been imported before.

        Args:
            options: ComfyUI's command line.
            loud: show its warnings, else its errors alone.
            say: takes the text that nodes show while they work.
            formatter: of the lines that it logs; with one it draws no bars of its own, since nobody looks at a terminal.
        """
        self._temporary = tempfile.TemporaryDirectory(prefix="athanor-")
        own = {
            "--verbose": "WARNING" if loud else "ERROR",
            "--temp-directory": self._temporary.name,  # the host empties it: not that of a server on the same folders
            "--front-end-root": self._temporary.name,
            "--database-url": "sqlite:///:memory:",
        }
        more = [word for pair in own.items() for word in pair]
        sys.argv = [str(comfyui / "main.py"), *options, *more, "--disable-all-custom-nodes", "--disable-api-nodes"]
        sys.path.insert(0, str(comfyui))
        import comfy.options

        comfy.options.enable_args_parsing()
        from comfy.cli_args import args

        # What the host's main does only when it is started by itself.
        os.environ |= {"HF_HUB_DISABLE_TELEMETRY": "1", "DO_NOT_TRACK": "1"}
        if args.cuda_device is not None and "LOCAL_RANK" not in os.environ:
            os.environ["CUDA_VISIBLE_DEVICES"] = str(args.cuda_device)
        if args.deterministic:
            os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        import cuda_malloc
        import main

        main.cuda_malloc = cuda_malloc
        import comfy.model_management
        import comfy.utils

        from .comfy_nodes import host_nodes

        self._mm, self._nodes = comfy.model_management, host_nodes
        for handler in logging.getLogger().handlers:
            if formatter:
                handler.setFormatter(formatter)
            handler.addFilter(is_shown)
        comfy.utils.set_progress_bar_enabled(formatter is None)
        started: Any = main.start_comfyui()
        self._loop, self._server, _ = started
        self._server.send_sync = lambda *_: None
        self._server.send_progress_text = lambda text, *_: say(text)
        if not self._loop.run_until_complete(host_nodes.load_custom_node(str(PACK))):
            raise AthanorError(f"The pack in {PACK} cannot be loaded; ComfyUI's message above says why.")
        self.part("training_core.advice").at_a_terminal(_QUEUED not in os.environ)

    def __enter__(self) -> Headless:
        return self

    def __exit__(self, *_: object) -> None:
        self._temporary.cleanup()

    @property
    def device(self) -> Any:
        """The device on which models are computed."""
        return self._mm.get_torch_device()

    def interrupted(self) -> bool:
        """Return whether the user has asked it to stop."""
        return self._mm.processing_interrupted()

    def part(self, name: str) -> ModuleType:
        """Return a module of the pack as ComfyUI's nodes know it, such as `training_core.run.ranks`."""
        package = self._nodes.NODE_CLASS_MAPPINGS["AthanorTrainLoRA"].__module__.rpartition(".nodes.")[0]
        return importlib.import_module(f"{package}.{name}")

    @property
    def titles(self) -> Mapping[str, str]:
        """What the page calls the node types that are loaded."""
        return self._nodes.NODE_DISPLAY_NAME_MAPPINGS

    def inputs(self, type_: str) -> dict[str, tuple[Any, Mapping[str, Any]]] | None:
        """Return a node type's inputs in their order, name -> type and options; None if this ComfyUI lacks it."""
        kind = self._nodes.NODE_CLASS_MAPPINGS.get(type_)
        if kind is None:
            return None
        from .comfy_nodes import inputs_of

        return {name: (spec[0], spec[1] if len(spec) > 1 else {}) for name, spec in inputs_of(kind).items()}

    def lacks(self, types: Iterable[str]) -> list[str]:
        """Return those node types that this ComfyUI lacks, after loading all other packs if there are some."""
        import comfy.cli_args

        missing = sorted(set(types) - self._nodes.NODE_CLASS_MAPPINGS.keys())
        if missing and comfy.cli_args.args.disable_all_custom_nodes:
            comfy.cli_args.args.disable_all_custom_nodes = False
            self._loop.run_until_complete(self._nodes.init_external_custom_nodes())
        return [each for each in missing if each not in self._nodes.NODE_CLASS_MAPPINGS]

    def status(self, run_id: str) -> str:
        """Return how a run stands, as its folder tells: done, stopped, ..."""
        folder = self.part("training_core.host.folders").run_folder(run_id)
        record = self.part("training_core.history.registry").read(folder)
        return record.status if record else ""

    def run(self, prompt: Mapping[str, Any], node: str) -> Shown:
        """Run `node` and all that leads to it, and return what it shows. Ctrl-C and SIGTERM are ComfyUI's interrupt.

        Raises:
            AthanorError: the graph does not fit this ComfyUI, or a node says so; as Fault: no input of theirs is to blame.
            Interrupted: the user has ended it.
            Stopped: the run was stopped before it had a LoRA.
            RuntimeError: any other failure, with its traceback.
        """
        from . import graph_check

        prompt = graph_check.checked_part(prompt, node)
        if missing := self.lacks(each["class_type"] for each in prompt.values()):
            raise AthanorError(
                f"The graph has nodes that this ComfyUI lacks: {', '.join(map(shortened, missing))}; install their packs."
            )
        for _, text in self.part("training_core.host.saved_prompts").fit(prompt):
            logging.getLogger("athanor").warning("Athanor: %s", text)
        if wrong := self._loop.run_until_complete(graph_check.problems(prompt, node)):
            raise AthanorError(f"The graph cannot run: {'; '.join(wrong)}.")
        guard, control = self.part("training_core.host.guard"), self.part("training_core.run.control")

        def stop(signal_name: str) -> None:
            guard.interrupt(f"the command line was asked to end ({signal_name})")

        asked = signals.Asked(stop)
        name, kept = _own_job()
        queue = self._server.prompt_queue
        queue.put((0, name, prompt, kept, [node], {}))
        while not (history := queue.get_history(prompt_id=name)):
            time.sleep(0.1)
            if asked.by and not control.live():  # the host forgets an interrupt when it begins a graph
                stop(asked.by)
        messages = dict(history[name]["status"]["messages"])
        if "execution_interrupted" in messages:  # by a signal, else by Train LoRA itself
            raise Interrupted if asked.by else Stopped
        return self._outcome(history[name], prompt, node)

    def _outcome(self, entry: Mapping[str, Any], prompt: Mapping[str, Any], node: str) -> Shown:
        from . import graph_check

        messages = dict(entry["status"]["messages"])
        if error := messages.get("execution_error"):
            message = error["exception_message"].strip()
            if error["exception_type"].startswith("athanor."):
                raise (AthanorError if error["exception_type"] == "athanor.AthanorError" else Fault)(message)
            if not str(error["node_type"]).startswith("Athanor"):
                raise Fault(graph_check.failure(prompt, error))
            raise RuntimeError("".join(error["traceback"]) + message)
        shown = entry["outputs"].get(node, {})
        return Shown("\n".join(shown.get("text", [])), "".join(shown.get("athanor_run", [])[:1]))
