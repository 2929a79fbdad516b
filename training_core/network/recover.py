"""Turn a LoRA file's metadata back into settings: ours exactly, sd-scripts' as far as its fields tell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from ..errors import shortened
from ..json_text import parse_json
from ..settings import JOB_GROUPS, NetworkSettings, SamplingSettings, Settings, identity
from ..settings.differences import changed, flat, in_words
from . import metadata_keys, peft
from .info import Layer

PEFT = {"rank": "r", "alpha": "lora_alpha", "dropout": "lora_dropout", "rs_lora": "use_rslora", "dora": "use_dora"}
"""Network settings -> what PEFT calls them."""
DYNAMIC = "Dynamic"
"""What resized files have for a rank or an alpha that differs from layer to layer (sd-scripts, LoRA Edit)."""
_ALGOS = {"lora": "lora", "loha": "loha", "lokr": "lokr", "glora": "glora", "oft": "diag-oft", "full": "full"}
"""What `Layer` calls an algorithm -> the setting."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered:
    """What a file tells of the settings it was trained with."""

    groups: dict[type[Settings], Settings]  # with our defaults where the file says nothing
    missing: tuple[str, ...]  # fields the file lacks; nothing is invented for them
    from_layers: tuple[str, ...]  # network settings that no field tells, as the layers show them: "rank 4"
    refused: tuple[str, ...]  # what it says, but cannot be had here
    otherwise: tuple[str, ...]  # what was asked for and trained otherwise, a line for each


def recover(
    metadata: Mapping[str, str], parts: Iterable[str] = (), shown: Mapping[str, Any] | None = None
) -> Recovered:
    """Return the settings that were trained with: those of the whole job in our own files, else what the fields tell.

    Args:
        metadata: of the file.
        parts: that the file has layers of (unet, te1 ...).
        shown: the network's settings by its layers (`of_layers`), for what no field tells.
    """
    asked, changes = _json(metadata, "athanor_job"), _json(metadata, "athanor_trained")
    job, of_fields = changed(asked, changes), metadata_keys.read(metadata)
    adapter = _peft(metadata)
    groups: dict[type[Settings], Settings] = {}
    missing: list[str] = []
    refused: list[str] = []
    from_layers: dict[str, Any] = {}
    for path, group in JOB_GROUPS.items():
        if group is SamplingSettings or "." in path:  # blocks are a part of the network
            continue
        of_job = identity.read(group, _of_job(job, path))
        values = dict(of_job)
        if not of_job:
            values = {
                name.partition(".")[2]: value
                for name, value in of_fields.items()
                if name.startswith(f"{path}.") and value != DYNAMIC
            }
            missing += [] if job else metadata_keys.missing(metadata, path)
        if group is NetworkSettings and not of_job:
            values = _with_blocks(values) | adapter | _trained(set(parts))
            values = _accepted(group, values, refused)
            from_layers = {name: value for name, value in (shown or {}).items() if name not in values}
            values = values | from_layers
        groups[group] = group.model_validate(_accepted(group, values, refused), strict=False)
    told = {key for name in adapter | from_layers for key in metadata_keys.keys_of(f"network.{name}")}
    return Recovered(
        groups=groups,
        missing=tuple(key for key in missing if key not in told),
        from_layers=tuple(
            f"{name} {value}"
            for name, value in from_layers.items()
            if value != NetworkSettings.model_fields[name].default
        ),
        refused=tuple(refused),
        otherwise=tuple(shortened(line, 120) for line in in_words(asked, changes)),
    )


def of_layers(layers: Sequence[Layer]) -> dict[str, Any]:
    """Return the network's settings that its layers show: what most of those of the diffusion model have."""
    whole = [layer for layer in layers if layer.damage is None and layer.algo != "unknown"] or list(layers)
    whole = [layer for layer in whole if layer.part == "unet"] or whole
    algos = Counter(layer.algo.removeprefix("dora ") for layer in whole)
    algo = next((name for name, _ in algos.most_common() if name in _ALGOS), "")
    mine = [layer for layer in whole if layer.algo.removeprefix("dora ") == algo]
    found: dict[str, Any] = {"algo": _ALGOS[algo]} if algo else {}
    for names, some in (
        (("rank", "alpha"), [layer for layer in mine if layer.kernel == 1]),
        (("conv_rank", "conv_alpha"), [layer for layer in mine if layer.kernel > 1]),
    ):
        pairs = Counter(
            (layer.rank, layer.rank if layer.alpha is None else layer.alpha) for layer in some if layer.rank
        )
        if pairs:
            (rank, alpha), _ = pairs.most_common(1)[0]
            found |= {names[0]: rank, names[1]: float(alpha or 0)}
    if algo == "lokr" and "rank" not in found:
        found["rank"] = 100000  # two full matrices
    dora = [layer for layer in mine if layer.algo.startswith("dora ")]
    if dora:
        found |= {"dora": True} | ({} if dora[0].rows else {"wd_on_output": False})
    if "norm" in algos and algo:
        found["train_norm"] = True
    return found


def _with_blocks(values: dict[str, Any]) -> dict[str, Any]:
    """Network settings of which those of blocks ("blocks.reg_dims") are a group of their own."""
    blocks = {name.removeprefix("blocks."): value for name, value in values.items() if name.startswith("blocks.")}
    others = {name: value for name, value in values.items() if not name.startswith("blocks.")}
    return others | ({"blocks": blocks} if blocks else {})


def _trained(parts: set[str]) -> dict[str, str]:
    """NetworkSettings.train, from the parts that a file has; nothing without any."""
    if not parts:
        return {}
    both = "unet + text encoder" if "unet" in parts else "text encoder"
    return {"train": "unet" if parts == {"unet"} else both}


def _json(metadata: Mapping[str, str], key: str) -> dict[str, Any]:
    """Return a field of our own files; {} if it is not there, or broken."""
    values = parse_json(metadata.get(key, ""))
    return values if isinstance(values, dict) else {}


def _of_job(job: Mapping[str, Any], path: str) -> dict[str, Any]:
    """Return a group's values in a job; of several datasets, the first's; {} if it has none."""
    values = job.get(path)
    if isinstance(values, list):
        values = values[0] if values else None
    return dict(values) if isinstance(values, dict) else {}


def _accepted(group: type[Settings], values: dict[str, Any], refused: list[str]) -> dict[str, Any]:
    """Return the values without those that the group does not take; they are noted."""
    values = {key: value for key, value in values.items() if key in group.model_fields}
    while True:
        try:
            group.model_validate(values, strict=False)
        except ValidationError as error:
            first = error.errors()[0]
            name = str(first["loc"][0]) if first["loc"] else next(iter(values))
            if name not in values:
                name = next(iter(values))
            refused.append(shortened(f"{name} = {values.pop(name)}", 120))
        else:
            return values


def _peft(metadata: Mapping[str, str]) -> dict[str, Any]:
    """Network settings of a file that has PEFT's instead of sd-scripts'."""
    adapter = peft.settings(metadata)
    values = {ours: peft.field_of(adapter, theirs) for ours, theirs in PEFT.items()} if adapter else {}
    return {ours: value for ours, value in values.items() if value is not None}


def words(settings: Settings) -> str:
    """Return a group's values that are not the defaults, for reading; '' if all are."""
    default = flat(type(settings)().model_dump())
    changed = {name: value for name, value in flat(settings.model_dump()).items() if value != default[name]}
    return ", ".join(f"{name} {value}" for name, value in changed.items())
