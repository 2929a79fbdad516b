"""ComfyUI servers and command lines that are forks of one process with their imports done: they start in a tenth of the time.

Run as a script it is that process: it reads a line of JSON for each fork and answers with its id, or with the code it has ended with.
"""

from __future__ import annotations

import json
import os
import runpy
import signal
import subprocess
import sys
import threading
import time
import traceback
from pathlib import Path
from types import TracebackType
from typing import Any

PACK = Path(__file__).resolve().parents[2]
OF_THE_HOST = (
    "torch",
    "torchsde",
    "torchvision",
    "comfy_kitchen",
    "transformers",
    "scipy.ndimage",
    "scipy.stats",
    "scipy.integrate",
    "scipy.signal",
    "sqlalchemy.orm",
    "alembic",
    "aiohttp.web",
    "pydantic",
    "av",
    "kornia",
    "spandrel",
)
"""What takes longest to import when ComfyUI starts."""


class Fork:
    """One process, as far as subprocess.Popen is alike."""

    def __init__(self, forks: Forks, pid: int, log: Path) -> None:
        self._forks, self.pid, self.log = forks, pid, log
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """The exit code, or None while it runs."""
        if self.returncode is None:
            self.returncode = self._forks.ask({"poll": self.pid})
        return self.returncode

    def wait(self, seconds: float = 300) -> int:
        """Wait for the exit code.

        Raises:
            subprocess.TimeoutExpired: it has not ended by then; holds the end of its log.
        """
        end = time.monotonic() + seconds
        while (code := self.poll()) is None:
            if time.monotonic() > end:
                raise subprocess.TimeoutExpired(str(self.log), seconds, self.log.read_text(errors="replace")[-2000:])
            time.sleep(0.005)
        return code

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def terminate(self) -> None:
        if self.poll() is None:
            self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        if self.poll() is None:
            self.send_signal(signal.SIGKILL)


class Forks:
    """The process that they are forks of; use it as a context manager."""

    def __init__(self, comfyui: Path, options: list[str], whole: bool, env: dict[str, str] | None = None) -> None:
        """`whole`: import all of ComfyUI with these options, for servers; else only the packages, for command lines and servers
        by theirs. `env`: its environment; None: that of this process.
        """
        self._process = subprocess.Popen(
            [sys.executable, __file__, str(comfyui), json.dumps(options if whole else None)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=comfyui if whole else PACK,
            env=env,
        )  # fmt: skip
        self._alive: list[Fork] = []
        self._one_asks = threading.Lock()

    def __enter__(self) -> Forks:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for fork in self._alive:
            if fork.poll() is None:
                fork.send_signal(signal.SIGKILL)
        self._process.stdin.close()
        self._process.wait(120)

    def start(self, log: Path, **what: Any) -> Fork:
        """Fork: `port` for a server that is imported whole, `main` and `place` for one by its command line, with packages
        that are `hidden` from it, or `arguments` of a
        command line of the pack; its output goes into `log`.
        """
        fork = Fork(self, self.ask({"log": str(log), **what}), log)
        self._alive.append(fork)
        return fork

    def ask(self, line: dict[str, Any]) -> Any:
        with self._one_asks:
            self._process.stdin.write(json.dumps(line) + "\n")
            self._process.stdin.flush()
            return json.loads(self._process.stdout.readline())


def _serve(port: int) -> None:
    """ComfyUI's main, whose modules are there already."""
    import main
    from comfy.cli_args import args

    args.port = port
    loop, _, start_all = main.start_comfyui()
    try:
        loop.run_until_complete(start_all())
    except KeyboardInterrupt:
        pass
    finally:
        main.cleanup_temp()


def _main(place: str, arguments: list[str]) -> None:
    """`python ARGUMENTS`, of which the first is main.py, in ComfyUI's folder."""
    os.chdir(place)
    sys.path[0] = place
    sys.argv = arguments
    runpy.run_path(str(Path(place) / arguments[0]), run_name="__main__")


def _fork(line: dict[str, Any], answers: int) -> int:
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        log = os.open(line["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        for stream, target in ((os.open(os.devnull, os.O_RDONLY), 0), (log, 1), (log, 2)):
            os.dup2(stream, target)
        os.close(answers)
        if "env" in line:
            os.environ.clear()
            os.environ.update(line["env"])
        sys.modules.update(dict.fromkeys(line.get("hidden", ()), None))
        if "port" in line:
            _serve(line["port"])
        elif "main" in line:
            _main(line["place"], line["main"])
        else:
            sys.argv = ["training_core", *line["arguments"]]
            runpy.run_module("training_core", run_name="__main__", alter_sys=True)
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def main() -> None:
    """Be the process that forks."""
    comfyui, options = sys.argv[1], json.loads(sys.argv[2])
    answers = os.dup(1)
    os.dup2(2, 1)  # what is imported prints as well
    for number, handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
        signal.signal(number, handler)  # nohup and a script's `&` ignore them for all that they start
    del sys.path[0]
    if options is None:
        sys.path.insert(0, str(PACK))
        for name in OF_THE_HOST:
            try:
                __import__(name)
            except ImportError:
                print(f"{name} is not there", file=sys.stderr)
    else:
        sys.path.insert(0, comfyui)
        sys.argv = ["main.py", *options]
        import comfy.options

        comfy.options.enable_args_parsing()
        import cuda_malloc
        import main

        main.cuda_malloc = cuda_malloc
    for text in sys.stdin:
        line = json.loads(text)
        if "poll" in line:
            pid, status = os.waitpid(line["poll"], os.WNOHANG)
            answer = os.waitstatus_to_exitcode(status) if pid else None
        else:
            answer = _fork(line, answers)
        os.write(answers, (json.dumps(answer) + "\n").encode())


if __name__ == "__main__":
    main()
