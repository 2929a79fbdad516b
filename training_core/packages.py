"""The packages of requirements.txt: which of them lack or have another version, and the line that installs them."""

from __future__ import annotations

import importlib.util
import re
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from .errors import AthanorError

_FILE = Path(__file__).resolve().parents[1] / "requirements.txt"
_LINE = re.compile(r"([\w-]+)\s*([^;#\s]*)(?:\s*;\s*python_version < \"([\d.]+)\")?\s*(?:#.*)?")
_MODULES = {"lycoris-lora": "lycoris"}
"""What is imported of a package that is not called like it."""
_NEEDED = ("lycoris-lora", "pydantic", "tomli")
"""Without these nothing is trained; the others are for optimizers of their names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lacking:
    """A package that is not there, or in a version that is not the one that is asked for."""

    name: str
    bounds: str  # ">=4.1,<4.2"
    version: str  # that is there; "" for none

    @property
    def hinders(self) -> bool:
        """Whether nothing can be trained with it as it is: newer ones than asked for are tried."""
        return self.name in _NEEDED and not (self.version and _newer(self.version, self.bounds))

    def __str__(self) -> str:
        return f"{self.name} {self.version} is there, not {self.bounds}" if self.version else f"{self.name} is missing"


def lacking() -> list[Lacking]:
    """Return what of requirements.txt this Python lacks; nothing is imported for it."""
    found = []
    for name, bounds in _asked().items():
        version = _version(name)
        if version is None or (version and not _within(version, bounds)):
            found.append(Lacking(name=name, bounds=bounds, version=version or ""))
    return found


def report() -> str:
    """Return what lacks and how to install it as one sentence; "" where nothing does."""
    found = lacking()
    if not found:
        return ""
    hindering = any(one.hinders for one in found)
    effect = "without that nothing can be trained" if hindering else "optimizers of these names cannot be chosen"
    return f"{', '.join(map(str, found))} ({effect}): {_install(found)}"


def check() -> None:
    """Look for what every training needs.

    Raises:
        AthanorError: one is missing or too old; the sentence has the line that installs it.
    """
    found = [one for one in lacking() if one.hinders]
    if found:
        raise AthanorError(f"{', '.join(map(str, found))}: {_install(found)}")


def pip(*names: str) -> str:
    """Return the line that installs packages into the Python that runs, in the versions that are asked for."""
    python = f'"{sys.executable}"' if " " in sys.executable else sys.executable
    wanted = [name + _asked().get(name, "") for name in names]
    return " ".join([python, "-m pip install", *(f'"{name}"' if re.search("[<>]", name) else name for name in wanted)])


def _install(found: list[Lacking]) -> str:
    return f"install it with '{pip(*(one.name for one in found))}' and start ComfyUI again."


def _asked() -> dict[str, str]:
    """Return the packages that this Python needs, name -> versions (">=4.1,<4.2"); {} where the file was taken away."""
    text = _FILE.read_text(encoding="utf-8") if _FILE.is_file() else ""
    matches = filter(None, map(_LINE.fullmatch, text.splitlines()))
    return {m[1]: m[2] for m in matches if not m[3] or sys.version_info < _numbers(m[3])}


def _version(name: str) -> str | None:
    """Return the version of a package; "" where it does not tell one, None where it cannot be imported."""
    try:
        if importlib.util.find_spec(_MODULES.get(name, name.replace("-", "_"))) is None:
            return None
    except ImportError:  # something hides it
        return None
    except ValueError:  # a module that was made in memory
        return ""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:  # its folder was put on the path
        return ""


def _within(version: str, bounds: str) -> bool:
    if _newer(version, bounds):
        return False
    return all(_numbers(version) >= _numbers(one) for one in bounds.split(",") if one.startswith(">="))


def _newer(version: str, bounds: str) -> bool:
    tops = [one for one in bounds.split(",") if re.match(r"<\d", one)]
    return any(_numbers(version) >= _numbers(one) for one in tops)


def _numbers(version: str) -> tuple[int, ...]:
    """Return (4, 1, 0) for "4.1", ">=4.1.0" or "4.1.0.post1"."""
    return tuple(map(int, [*re.findall(r"\d+", version), "0", "0"][:3]))
