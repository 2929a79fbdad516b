"""What lies in the trash: entries, each a folder with entry.json, which says what lay where, and these things themselves."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ..files import read_json
from ..leftovers import sweep

Kind = Literal["run", "states"]

_NAME = re.compile(r"([0-9a-f]{16})-\d{13}(-\d{1,3})?")
ABOUT = "entry.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What was thrown away by one click for one run."""

    folder: Path
    run_id: str
    kind: Kind  # the whole run, or its states alone
    title: str
    label: str
    time: float  # when, in seconds since 1970
    files: tuple[str, ...]  # LoRA files that went along: the paths they had

    @property
    def name(self) -> str:
        """Its name, by which it is brought back."""
        return self.folder.name


def entries(trash: Path) -> list[Entry]:
    """Return what is in the trash, the newest first; folders that are no entries are left alone."""
    sweep([trash])
    try:
        with os.scandir(trash) as there:
            names = [each.name for each in there]
    except OSError:
        return []
    found = (read(trash / name) for name in names)
    return sorted((entry for entry in found if entry), key=lambda entry: (-entry.time, entry.name))


def read(folder: Path) -> Entry | None:
    """Return the entry in a folder, or None; what its entry.json does not tell is told by the name of the folder."""
    match, about = _NAME.fullmatch(folder.name), read_json(folder / ABOUT, {})
    kind = about.get("kind")
    if match is None or kind not in ("run", "states") or not any(parts(folder, about)):
        return None
    title, label, when = about.get("title"), about.get("label"), about.get("time")
    return Entry(
        folder=folder,
        run_id=match[1],
        kind=kind,
        title=title if isinstance(title, str) and title else match[1],
        label=label if isinstance(label, str) else "",
        time=when if isinstance(when, int | float) and 0 <= when < 1e12 else int(folder.name[17:30]) / 1000,
        files=tuple(str(path) for path, name in parts(folder, about) if name.startswith("lora-")),
    )


def parts(folder: Path, about: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    """Yield (where it lay, its name in the entry) of all that is in an entry."""
    found = about.get("moves")
    for each in found if isinstance(found, list) else []:
        if not (isinstance(each, list) and len(each) == 2 and all(isinstance(part, str) for part in each)):
            continue
        path, name = each
        is_known = "\0" not in path and re.fullmatch(r"run|state|lora-\d{1,5}\.safetensors", name)
        if is_known and os.path.lexists(folder / name):
            yield Path(path), name
