"""The node LoRA Info: reads a LoRA file, its metadata and the settings that it was trained with."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

from comfy_api.latest import io

from ..training_core.host import folders, lora_fit
from ..training_core.host import lora as lora_file
from ..training_core.network import chart, info, recover
from ..training_core.settings import LossSettings, NetworkSettings, NoiseSettings, OptimizerSettings
from . import types
from .schema import image_output

JOBS = ("athanor_job", "athanor_trained")
"""Fields that hold whole settings; they are shown as settings, not as metadata."""


class AthanorLoRAInfo(io.ComfyNode):
    """Shows what a LoRA file contains and how it was trained."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Return the node's input (a file) and its outputs: text, chart, metadata, tags, and the recovered settings."""
        return io.Schema(
            node_id="AthanorLoRAInfo",
            display_name="LoRA Info",
            category="Athanor",
            description="Reads a LoRA of any trainer: algorithm, ranks, size, how much each block changes, metadata. Turns the "
            "metadata back into settings to train with.",
            search_aliases=["lora metadata", "ss_", "network dim", "inspect lora", "recover settings"],
            inputs=[
                io.Combo.Input("lora_name", options=folders.lora_names(), tooltip="File in the loras folders."),
                io.Model.Input(
                    "model",
                    optional=True,
                    tooltip="Says how much of the file fits this model: ComfyUI leaves out what does not, without a word.",
                ),
                io.Clip.Input("clip", optional=True, tooltip="The same for the text encoder, together with the model."),
            ],
            outputs=[
                io.String.Output(
                    "text", tooltip="Algorithm, ranks, parts, base model and settings, and what is missing in the file."
                ),
                io.Image.Output("chart", tooltip="How much each block changes."),
                io.String.Output("metadata", tooltip="Every field of the file's metadata."),
                io.String.Output("tags", tooltip="Tag frequency per folder."),
                types.Network.Output("network", tooltip="Network settings of the file, for Train LoRA."),
                types.Loss.Output("loss", tooltip="Loss settings of the file, for Train LoRA."),
                types.Noise.Output("noise", tooltip="Noise settings of the file, for Train LoRA."),
                types.Optimizer.Output("optimizer", tooltip="Optimizer settings of the file, for Train LoRA."),
            ],
        )

    @classmethod
    def fingerprint_inputs(cls, lora_name: str | None, **_: Any) -> Any:
        """Return the time of the file's last change, so that a replaced file is read again."""
        path = folders.existing_lora(lora_name) if lora_name else None
        return path and path.stat().st_mtime_ns

    @classmethod
    def execute(cls, lora_name: str, model: Any = None, clip: Any = None) -> io.NodeOutput:
        """Return the file's contents as text, a chart of its blocks, metadata, tags, and the settings it was trained with."""
        path = folders.existing_lora(lora_name)
        lora = info.read(path)
        fit = (
            lora_fit.read_in_part(lora_name)
            if model is None
            else lora_file.fit(model, clip, path).words(lora.name, "the model")
        )
        recovered = recover.recover(lora.metadata, (layer.part for layer in lora.layers))
        fields = info.fields(lora.metadata)
        table = "\n".join(f"{key}: {value}" for key, value in sorted(fields.items()) if key not in JOBS)
        kinds = (NetworkSettings, LossSettings, NoiseSettings, OptimizerSettings)
        return io.NodeOutput(
            _text(lora, recovered, fit),
            image_output(chart.norms(lora)),
            table or "no metadata",
            _tags(fields),
            *(recovered.groups[kind] for kind in kinds),
        )


def _text(lora: info.LoraInfo, recovered: recover.Recovered, fit: str) -> str:
    """Return the algorithm, size and parts of a LoRA file, its settings, and what of them could not be recovered.

    Args:
        fit: a sentence on how much of it ComfyUI applies; '' for none.
    """
    lines = [f"{lora.name}: {lora.algo}, {lora.size / 1e6:.1f} MB, {lora.dtype}"]
    base = lora.metadata.get("ss_base_model_version") or lora.metadata.get("modelspec.architecture")
    lines.append(f"base model: {base or 'unknown'} {lora.metadata.get('ss_sd_model_name', '')}".rstrip())
    lines += [*_parts(lora.layers), *filter(None, [fit])]
    if lora.strange:
        lines.append(f"{len(lora.strange)} unknown keys: {', '.join(lora.strange[:3])}")
    lines += ["", "settings that are not the defaults:"]
    lines += [f"{kind.__name__.removesuffix('Settings')}: {recover.words(s)}" for kind, s in recovered.groups.items()]
    for title, words in (
        ("trained with other values than asked for", "; ".join(recovered.otherwise)),
        ("not in the file", ", ".join(recovered.missing)),
        ("in the file, but not supported", "; ".join(recovered.refused)),
    ):
        lines += ["", f"{title}: {words}"] if words else []
    return "\n".join(lines)


def _parts(layers: Sequence[info.Layer]) -> list[str]:
    """Return one line per part of the model: number of layers and parameters, ranks and alphas."""
    parts: dict[str, list[info.Layer]] = defaultdict(list)
    for layer in layers:
        parts[layer.part].append(layer)
    lines = []
    for part, members in sorted(parts.items()):
        ranks = Counter(layer.rank for layer in members if layer.rank)
        alphas = Counter(f"{layer.alpha:g}" for layer in members if layer.alpha is not None)
        lines.append(
            f"{part}: {len(members)} layers, {sum(layer.numbers for layer in members) / 1e6:.2f} M numbers, "
            f"rank {_some(ranks)}, alpha {_some(alphas)}"
        )
    return lines


def _some(counts: Counter[Any]) -> str:
    """Return the four most frequent values, with their counts if there are several."""
    return ", ".join(f"{value}" + (f" ({n})" if len(counts) > 1 else "") for value, n in counts.most_common(4)) or "-"


def _tags(fields: dict[str, Any]) -> str:
    """Return the tags of each training folder with their counts, most frequent first, one per line."""
    frequency = fields.get("ss_tag_frequency")
    if not isinstance(frequency, dict):
        return "no tag frequency"
    lines = []
    for folder, tags in frequency.items():
        lines.append(folder)
        lines += [f"{count:>6}  {tag}" for tag, count in sorted(tags.items(), key=lambda item: (-item[1], item[0]))]
    return "\n".join(lines)
