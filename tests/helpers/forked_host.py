"""ComfyUI servers for tests: forks of one process that has torch and the like imported, which is 5 of the 7 seconds of a start."""

from __future__ import annotations

import atexit
import os
from functools import cache
from pathlib import Path
from typing import Any

from device import on_cpu
from forking import Forks
from host import Host

_ENV = os.environ | {"PYTHONUNBUFFERED": "1", "HF_HUB_OFFLINE": "1"}  # before a test changes it


@cache
def _forks(comfyui: Path) -> Forks:
    """The process that the servers with a ComfyUI are forks of; it ends with the tests."""
    forks = Forks(comfyui, [], whole=False, env=_ENV)
    atexit.register(forks.__exit__, None, None, None)
    return forks


class ForkedHost(Host):
    """A ComfyUI that starts in two seconds. Its options are read, and its own modules and the pack imported, anew each time."""

    hidden: tuple[str, ...] = ()
    """Packages that it is not to find."""

    def _launched(self, env: dict[str, str]) -> Any:
        what = {"main": self._command[1:], "place": str(self.comfyui), "env": env, "hidden": self.hidden}
        return _forks(self.comfyui).start(self.log_path, **what)


def new(comfyui: Path, base: Path, cpu: bool | None = None, **options: Any) -> Host:
    """A `Host` that does not run yet; of a card, or where nothing can be forked, an ordinary one."""
    cpu = on_cpu() if cpu is None else cpu
    kind = ForkedHost if cpu and hasattr(os, "fork") else Host
    return kind(comfyui, base, cpu=cpu, **options)
