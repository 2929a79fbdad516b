"""Makes node inputs from settings groups, and settings groups from node inputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from comfy_api.latest import io, ui
from PIL import Image

from ..training_core.data.images import to_tensor
from ..training_core.errors import AthanorError, shortened
from ..training_core.host.json_values import Refused
from ..training_core.settings import SettingInfo, Settings, info, parse


def _input(s: SettingInfo) -> io.Input:
    """Return the widget of one setting; its tooltip ends with the option of sd-scripts."""
    tip = s.tip + (f"\nsd-scripts: --{s.flag}" if s.flag else "")
    # Optional, so that a prompt need not name it, and one saved before it was there runs: scripts make arguments of what is
    # required. The page shows required inputs first: a node lists its models, then its widgets, then its optional sockets.
    common: dict[str, Any] = {"tooltip": tip, "default": s.default, "advanced": s.advanced or None, "optional": True}
    if s.was or s.old_values:  # for saved_prompts.py: the names of this input in older prompts, and its values there
        common["extra_dict"] = {"was": list(s.was), "old_values": dict(s.old_values)}
    if s.kind == "choice":
        return io.Combo.Input(s.name, options=list(s.choices), **common)
    if s.kind == "bool":
        return io.Boolean.Input(s.name, **common)
    if s.kind == "str":
        return io.String.Input(s.name, multiline=bool(s.multiline), **common)
    if s.minimum is None or s.maximum is None:
        raise TypeError(f"the number {s.name} has no bounds: its widget needs both")
    if s.kind == "int":
        if s.fixed_seed:
            common["control_after_generate"] = io.ControlAfterGenerate.fixed
        return io.Int.Input(s.name, min=int(s.minimum), max=int(s.maximum), step=int(s.step or 1), **common)
    # Without a step the page shows one decimal; round=False keeps what the user typed.
    return io.Float.Input(s.name, min=s.minimum, max=s.maximum, step=s.step or 0.01, round=False, **common)


def inputs(model: type[Settings]) -> list[io.Input]:
    """Return one widget per setting of a group, in the order of their definition."""
    return [_input(s) for s in info(model)]


def pick(model: type[Settings], values: Mapping[str, Any]) -> Any:
    """Return the settings group that a node's inputs describe.

    Raises:
        AthanorError: one sentence that names the field.
    """
    return parse(model, {name: values[name] for name in model.model_fields if name in values})


def check_kinds(kind: type, **values: Any) -> None:
    """Check values of widgets that are no settings, since a node of another pack may be connected that gives anything.

    Raises:
        AthanorError: one is not of `kind`, int or str, or a number below 1 or above that of any widget.
    """
    for name, value in values.items():
        if (
            not isinstance(value, kind)
            or isinstance(value, bool)
            or (isinstance(value, int) and not 0 < value <= 10**8)
        ):
            takes = "a text" if kind is str else "a whole number from 1 to 100000000"
            raise AthanorError(f"{name} is {shortened(repr(value))}: it takes {takes}.")


def sentence(check: Callable[[], object], **texts: Any) -> bool | str:
    """Return True, or the message of the AthanorError that `check` raises; for validate_inputs.

    Args:
        texts: what `check` reads, by the input's name. None is linked or missing: then nothing is checked. The host asks about a
            value of another kind as well, which it has refused by itself.

    The host repeats the sentence for every input that validate_inputs names (`refusals` leaves one), so nodes name only the
    inputs that can be checked by themselves when a graph is queued; the rest is checked when the node runs, before training.
    """
    for name, value in texts.items():
        if value is None:
            return True
        if not isinstance(value, str):
            return str(value) if isinstance(value, Refused) else f"{name} is {shortened(repr(value))}: it takes a text."
    try:
        check()
    except AthanorError as error:
        return str(error)
    return True


def image_output(image: Image.Image) -> torch.Tensor:
    """Return an RGB image as IMAGE: (1, H, W, 3), float32 in 0..1."""
    return to_tensor(image).unsqueeze(0)


def rounded_bytes(pixels: torch.Tensor) -> np.ndarray:
    """Return an IMAGE or MASK, floats in 0..1, as uint8 of the same shape."""
    return (pixels.detach().float().cpu().clamp(0, 1) * 255).round().to(torch.uint8).numpy()


def on_node(node: type[io.ComfyNode], picture: torch.Tensor, slot: int) -> Any:
    """Return the `ui` that shows a picture, (1, H, W, 3), on the node itself; None where a node behind that output may show it.

    Args:
        node: one with the hidden inputs unique_id and prompt.
        slot: which of its outputs the picture is.
    """
    own = [node.hidden.unique_id, slot]
    links = (value for entry in (node.hidden.prompt or {}).values() for value in entry["inputs"].values())
    return None if own in links else ui.PreviewImage(picture, cls=node)


def graph_of(hidden: Any) -> dict[str, Any]:
    """Return the graph as the host writes it into pictures: `prompt`, and `workflow` if it was queued by a page."""
    return {name: value for name, value in {"prompt": hidden.prompt, **(hidden.extra_pnginfo or {})}.items() if value}
