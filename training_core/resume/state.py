"""A run's whole state on disk, from which it goes on as if it had never stopped."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import torch
from safetensors.torch import save_file

from .. import advice
from ..errors import AthanorError
from ..files import METADATA, read_safetensors, safetensors_header, write_atomically
from ..json_text import load_json

KEY, CHECKSUM = "athanor_state", "athanor_checksum"
_BLANK = b"00000000"
_PIECE = 1 << 22  # bytes that are read at once


@dataclass(frozen=True, slots=True)
class State:
    """Everything that changes from step to step, after `step` optimizer steps."""

    step: int
    epoch: int  # finished epochs
    tensors: Mapping[str, torch.Tensor]
    plain: Mapping[str, Any]  # everything else, as JSON takes it


def write(folder: Path, state: State) -> Path:
    """Write step00000123.safetensors whole or not at all, then remove older ones."""
    path = folder / f"step{state.step:08d}.safetensors"
    metadata = {KEY: json.dumps({"step": state.step, "epoch": state.epoch, **state.plain}), CHECKSUM: _BLANK.decode()}

    def save(temporary: Path) -> None:
        save_file(dict(state.tensors), temporary, metadata=metadata)
        _seal(temporary)

    write_atomically(path, save)
    for old in folder.glob("step*.safetensors"):
        if old != path:
            old.unlink(missing_ok=True)
    return path


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedState:
    """A state on disk, without its tensors: `read` reads them when they are needed, so that they do not stay in memory."""

    path: Path
    step: int
    epoch: int  # finished epochs
    plan: Mapping[str, Any] | None = None  # see `compute_plan.from_json`; None: written by an older version
    probed: int | None = None  # samples of the probe's first look; None: there was none

    def read(self) -> State:
        """Read the tensors and everything else.

        Raises:
            AthanorError: the file has been changed since `latest` has found it whole.
        """
        try:
            tensors, metadata = read_safetensors(self.path)
            plain = load_json(metadata[KEY])
            return State(plain.pop("step"), plain.pop("epoch"), tensors, plain)
        except (LookupError, ValueError, TypeError, AttributeError):
            raise AthanorError(f"The saved state {self.path.name} cannot be read any more: {advice.again()}.") from None


def latest(folder: Path) -> SavedState | None:
    """Return the newest state whose file is whole and as it was written; None if there is none."""
    for path in sorted(folder.glob("step*.safetensors"), reverse=True):
        try:
            header = safetensors_header(path)  # refuses a file that a crash has cut off
            plain = load_json(header[METADATA][KEY])
            step, epoch, plan = plain["step"], plain["epoch"], plain.get("plan")
            probed = header["probe"]["shape"][0] if "probe" in header else None
            if _is_sound(path) and all(type(value) is int and value >= 0 for value in (step, epoch)):
                return SavedState(path=path, step=step, epoch=epoch, plan=plan, probed=probed)
        except (OSError, LookupError, ValueError, TypeError, AttributeError):
            continue
    return None


def damaged(folder: Path) -> Path | None:
    """Return the newest state's file if there are states and none of them can be used; else None."""
    paths = sorted(folder.glob("step*.safetensors"))
    return paths[-1] if paths and latest(folder) is None else None


def _seal(path: Path) -> None:
    """Write the checksum of all other bytes of a state's file into its header."""
    with path.open("rb+") as file:
        place = _place(file)
        checksum = _checksum(file, place)
        file.seek(place)
        file.write(checksum)


def _is_sound(path: Path) -> bool:
    """Return whether no byte of a state's file has changed since it was written; an older version has written no checksum."""
    with path.open("rb") as file:
        place = _place(file)
        if not place:
            return True
        file.seek(place)
        return file.read(len(_BLANK)) == _checksum(file, place)


def _place(file: IO[bytes]) -> int:
    """Return the byte at which the checksum stands in a safetensors file; 0 if it has none."""
    file.seek(0)
    header = file.read(int.from_bytes(file.read(8), "little"))
    key = f'"{CHECKSUM}":"'.encode()
    at = header.find(key)
    return 8 + at + len(key) if at >= 0 else 0


def _checksum(file: IO[bytes], place: int) -> bytes:
    """Return the CRC-32 of a file in eight digits, with those of the checksum itself as zeros."""
    file.seek(0)
    total = zlib.crc32(file.read(place))
    file.seek(place + len(_BLANK))
    total = zlib.crc32(_BLANK, total)
    while piece := file.read(_PIECE):
        total = zlib.crc32(piece, total)
    return f"{total:08x}".encode()


def step_of(folder: Path) -> int:
    """Return the step of the newest state by its file name; 0 without one."""
    steps = [path.stem.removeprefix("step") for path in folder.glob("step*.safetensors")]
    return max((int(step) for step in steps if step.isdecimal() and len(step) < 16), default=0)


def remove(folder: Path) -> None:
    """Delete all states in a folder."""
    for path in folder.glob("step*.safetensors"):
        path.unlink(missing_ok=True)
