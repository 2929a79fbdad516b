"""The metadata of a result: what its originals tell alike, its own network, and the recipe that it was made by."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from .. import block_strengths
from ..errors import shortened
from ..files import safetensors_metadata
from ..json_text import parse_json
from ..network import peft
from ..network.files import file_hash, save_lora
from ..network.metadata_choice import EDIT, HASHES, JOB, TRAINED
from ..network.recover import DYNAMIC
from .build import AS_IT_IS, Layer, Made, Source, Wanted
from .opened import opened
from .svd import RankRule

KEY = EDIT
"""Where a result tells how it was made."""
_BASE = (
    "ss_base_model_version",
    "ss_v2",
    "modelspec.architecture",
    "modelspec.prediction_type",
    "modelspec.sai_model_spec",
)
_LORA = ("lora", "locon")
_WHOLE = "100000"
"""The rank by which LyCORIS makes LoKr of two whole factors."""
_LONGEST = 20_000
"""Characters of an original's own recipe that is told within another; of a longer one, nothing is."""
_OF_ONE_FILE = (
    *HASHES,
    "ss_output_name",
    "modelspec.date",
    "modelspec.title",
    "modelspec.merged_from",
    "lora_adapter_metadata",
    KEY,
)
"""Keys that are about an original as a file, and not carried over; PEFT's settings tell ranks and alphas of its layers."""


def recipe(wanted: Wanted, names: str = AS_IT_IS) -> dict[str, Any]:
    """Return how a result is made, as JSON values: the files with their hashes and weights, and what is not at its default.

    Two results of the same recipe are the same tensors. No path of this machine is in it.
    """
    rule = wanted.rule
    told: dict[str, Any] = {"from": [_of(source) for source in wanted.sources]}
    blocks = block_strengths.read(wanted.blocks).text
    told |= {"blocks": blocks} if blocks else {}
    told |= {} if rule is None else {"rank": rank_rule(rule)}
    told |= {} if names == AS_IT_IS else {"names": names}
    return told | {"precision": wanted.precision}


def rank_rule(rule: RankRule) -> dict[str, Any]:
    """Return the rule that ranks follow, as JSON values."""
    told: dict[str, Any] = {"rank": rule.rank, "conv_rank": rule.conv_rank}
    return told | ({} if rule.method == "fixed" else {"method": rule.method, "target": rule.target})


def _of(source: Source) -> dict[str, Any]:
    metadata = safetensors_metadata(source.path)
    told: dict[str, Any] = {"file": source.path.name, "weight": source.weight}
    told |= {} if source.text is None else {"text_encoder": source.text}
    told |= {"blocks": source.blocks} if source.blocks else {}
    told["hash"] = metadata.get(HASHES[0]) or _hash(source.path, source.path.stat().st_mtime_ns)
    older = metadata.get(KEY, "")
    return told | ({"recipe": parse_json(older)} if older and len(older) < _LONGEST else {})


@lru_cache(maxsize=256)
def _hash(path: Path, _changed: int) -> str:
    """Return the sshs_model_hash of a file that does not tell it; read again where its time of change is another one."""
    return file_hash(path)


def metadata(made: Made, wanted: Wanted, name: str, recipe_of: Mapping[str, Any]) -> dict[str, str]:
    """Return a result's metadata: what all originals tell alike, with its own name, date, network and recipe.

    The whole job of a training (athanor_job) goes with it only while its network is as trained; the single fields (ss_) of the
    training always stay.

    Args:
        name: of the file, without its folder and ending.
    """
    files = [safetensors_metadata(source.path) for source in wanted.sources]
    told = {
        key: value
        for key, value in files[0].items()
        if key not in _OF_ONE_FILE and all(other.get(key) == value for other in files[1:])
    }
    for key in _BASE:  # of what model the files are for, one that says nothing contradicts none
        values = {file[key] for file in files if key in file}
        told |= {key: values.pop()} if len(values) == 1 else {}
    if not _is_as_trained(made, wanted):
        told = {key: value for key, value in told.items() if key not in (JOB, TRAINED)} | _network(made.layers, told)
    if len(files) > 1:
        told["modelspec.merged_from"] = ", ".join(source.path.stem for source in wanted.sources)
    return told | _of_this_file(name, recipe_of)


def _is_as_trained(made: Made, wanted: Wanted) -> bool:
    """Return whether a result has every layer of one file, and all as they were but for their number format and names."""
    paths = [source.path for source in wanted.sources]
    if len(paths) > 1 or any(layer.how != "copied" for layer in made.layers):
        return False
    with opened(paths) as (file,):
        return len(file.layers) == len(made.layers)


def extracted(made: Made, name: str, recipe_of: Mapping[str, Any], base: Mapping[str, str]) -> dict[str, str]:
    """Return the metadata of a LoRA that was extracted from two models.

    Args:
        base: fields about the model that it is for.
    """
    network = {"ss_network_module": "networks.lora", **_network(made.layers, {})}
    return {**base, **network, "modelspec.sai_model_spec": "1.0.1", **_of_this_file(name, recipe_of)}


def _of_this_file(name: str, recipe_of: Mapping[str, Any]) -> dict[str, str]:
    return {
        "ss_output_name": name,
        "modelspec.title": name,
        "modelspec.date": time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime()),
        KEY: json.dumps(recipe_of),
    }


def _network(layers: Sequence[Layer], told: Mapping[str, str]) -> dict[str, str]:
    """Return the fields of a network as it is now; ranks and alphas that differ from layer to layer are Dynamic, as in sd-scripts."""
    old = parse_json(told.get("ss_network_args", ""))
    args = dict(old) if isinstance(old, dict) else {}
    fields: dict[str, str] = {}
    plain_lora = all(layer.kind.removeprefix("dora ") == "lora" for layer in layers)
    if plain_lora and ("ss_network_module" not in told or args.get("algo") not in (None, *_LORA)):
        fields["ss_network_module"] = "networks.lora"
        args = {key: value for key, value in args.items() if key in ("conv_dim", "conv_alpha")}
    low = [layer for layer in layers if layer.rank]
    plain, wide = [layer for layer in low if layer.kernel == 1], [layer for layer in low if layer.kernel > 1]
    if plain:
        fields["ss_network_dim"] = _one(str(layer.rank) for layer in plain)
        fields["ss_network_alpha"] = _one(_number(layer.alpha) for layer in plain)
    elif any(layer.kind == "lokr" for layer in layers):
        fields["ss_network_dim"] = _WHOLE
    if wide:
        args["conv_dim"] = _one(str(layer.rank) for layer in wide)
        args["conv_alpha"] = _one(_number(layer.alpha) for layer in wide)
    return fields | ({"ss_network_args": json.dumps(args)} if args or old else {})


def _one(values: Iterable[str]) -> str:
    """Return the value that all have; Dynamic where they differ."""
    counts = Counter(values)
    return next(iter(counts)) if len(counts) == 1 else DYNAMIC


def _number(value: float) -> str:
    """Return an alpha as files write it: 8.0."""
    return str(round(value, 6))


def check(made: Made) -> dict[str, Any]:
    """Return the result of the self-check as the file keeps it: in all, and of the layer that differs most."""
    worst = max(made.layers, key=lambda layer: layer.error)
    return {"difference": float(f"{made.error:.4g}"), "largest": float(f"{worst.error:.4g}"), "layer": worst.name}


def write(path: Path, made: Made, wanted: Wanted, recipe_of: Mapping[str, Any]) -> None:
    """Write what was made of LoRA files, whole or not at all, with what it tells: originals, hashes, recipe and self-check."""
    save_lora(path, made.tensors, metadata(made, wanted, path.stem, {**recipe_of, "check": check(made)}))


def write_extracted(path: Path, made: Made, recipe_of: Mapping[str, Any], base: Mapping[str, str]) -> None:
    """Write what was extracted from two models likewise; `base`: fields about the model that it is for."""
    save_lora(path, made.tensors, extracted(made, path.stem, {**recipe_of, "check": check(made)}, base))


def notes(wanted: Wanted) -> list[str]:
    """Return a sentence on each thing about the originals that a user should know, and that keeps none of them from being used."""
    files = [safetensors_metadata(source.path) for source in wanted.sources]
    said = []
    bases = list(dict.fromkeys(file["ss_base_model_version"] for file in files if "ss_base_model_version" in file))
    if len(bases) > 1:
        said.append(f"The files say that they are for different models: {shortened(', '.join(bases), 120)}.")
    apart = [source.title for source, file in zip(wanted.sources, files, strict=True) if peft.settings(file)]
    if apart:
        said.append(
            f"{shortened(apart[0], 120)} has PEFT's settings in its metadata: an alpha there is not counted, as in Load LoRA."
        )
    return said


def is_made(path: Path) -> bool:
    """Return whether a file is there that some recipe made."""
    return KEY in safetensors_metadata(path)


def is_same(path: Path, recipe_of: Mapping[str, Any]) -> bool:
    """Return whether there is a file that was made by this recipe; how it compared with its originals (`check`) is no part of it."""
    told = told_by(path)
    return bool(told) and {**told, "check": None} == {**parse_json(json.dumps(recipe_of)), "check": None}


def told_by(path: Path) -> dict[str, Any]:
    """Return the recipe that a file tells, of whatever form: other programs write metadata, too; {} for none."""
    found = parse_json(safetensors_metadata(path).get(KEY, ""))
    return found if isinstance(found, dict) else {}


def originals_of(path: Path) -> list[tuple[str, float]]:
    """Return the names and weights of the files that a file tells to be made of; [] where it does not tell all of them."""
    told = told_by(path).get("from")
    parts = told if isinstance(told, list) else []
    files = [part.get("file") if isinstance(part, dict) else None for part in parts]
    weights = [_float(part.get("weight")) if isinstance(part, dict) else None for part in parts]
    found = [(f, w) for f, w in zip(files, weights, strict=True) if isinstance(f, str) and w is not None]
    return found if len(found) == len(parts) else []


def difference_of(path: Path) -> float:
    """Return how far a file is from the sum of its originals, as a part of that; 0 where it does not tell."""
    check = told_by(path).get("check")
    return (_float(check.get("difference")) if isinstance(check, dict) else None) or 0.0


def _float(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e6:
        return None
    return float(value)
