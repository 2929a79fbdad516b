"""The node LoRA Info: what a LoRA file is and how it was trained."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

from comfy_api.latest import io

from ..training_core.host import folders
from ..training_core.network import chart, info, recover
from ..training_core.settings import LossSettings, NetworkSettings, NoiseSettings, OptimizerSettings
from . import types
from .schema import image_output


class AthanorLoRAInfo(io.ComfyNode):
    """What a LoRA file is, and how it was trained."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """A file in; text, chart and the settings it tells of out."""
        return io.Schema(
            node_id="AthanorLoRAInfo",
            display_name="LoRA Info",
            category="Athanor",
            description="Reads a LoRA of any trainer: algorithm, ranks, size, how much each block changes, metadata. Turns the "
            "metadata back into settings to train with.",
            search_aliases=["lora metadata", "ss_", "network dim", "inspect lora", "recover settings"],
            inputs=[io.Combo.Input("lora_name", options=folders.lora_names(), tooltip="File in the loras folders.")],
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
    def fingerprint_inputs(cls, lora_name: str | None) -> Any:
        """Changes with the file."""
        path = folders.existing_lora(lora_name) if lora_name else None
        return path and path.stat().st_mtime_ns

    @classmethod
    def execute(cls, lora_name: str) -> io.NodeOutput:
        """Read the file; return its settings as text and as config outputs, and a chart of its blocks."""
        lora = info.read(folders.existing_lora(lora_name))
        found = recover.recover(lora.metadata, (layer.part for layer in lora.layers))
        told = info.fields(lora.metadata)
        table = "\n".join(f"{key}: {value}" for key, value in sorted(told.items()) if key != "athanor_job")
        groups = [found.groups[group] for group in (NetworkSettings, LossSettings, NoiseSettings, OptimizerSettings)]
        return io.NodeOutput(
            _text(lora, found), image_output(chart.norms(lora)), table or "no metadata", _tags(told), *groups
        )


def _text(lora: info.LoraInfo, found: recover.Recovered) -> str:
    parts: dict[str, list[info.Layer]] = defaultdict(list)
    for layer in lora.layers:
        parts[layer.part].append(layer)
    lines = [f"{lora.name}: {lora.algo}, {lora.size / 1e6:.1f} MB, {lora.dtype}"]
    base = lora.metadata.get("ss_base_model_version") or lora.metadata.get("modelspec.architecture")
    lines.append(f"base model: {base or 'not told'} {lora.metadata.get('ss_sd_model_name', '')}".rstrip())
    for part, layers in sorted(parts.items()):
        ranks = Counter(layer.rank for layer in layers if layer.rank)
        alphas = Counter(f"{layer.alpha:g}" for layer in layers if layer.alpha is not None)
        lines.append(
            f"{part}: {len(layers)} layers, {sum(layer.numbers for layer in layers) / 1e6:.2f} M numbers, "
            f"rank {_some(ranks)}, alpha {_some(alphas)}"
        )
    if lora.strange:
        lines.append(f"{len(lora.strange)} keys of no known form: {', '.join(lora.strange[:3])}")
    lines += ["", "settings that are not the defaults:"]
    lines += [f"{group.__name__.removesuffix('Settings')}: {recover.words(s)}" for group, s in found.groups.items()]
    if found.missing:
        lines += ["", f"not told by the file: {', '.join(found.missing)}"]
    if found.refused:
        lines += ["", f"told, but not to be had here: {'; '.join(found.refused)}"]
    return "\n".join(lines)


def _some(counts: Counter[Any]) -> str:
    return ", ".join(f"{value}" + (f" ({n})" if len(counts) > 1 else "") for value, n in counts.most_common(4)) or "-"


def _tags(told: dict[str, Any]) -> str:
    frequency = told.get("ss_tag_frequency")
    if not isinstance(frequency, dict):
        return "no tag frequency"
    lines = []
    for folder, tags in frequency.items():
        lines.append(folder)
        lines += [f"{count:>6}  {tag}" for tag, count in sorted(tags.items(), key=lambda item: (-item[1], item[0]))]
    return "\n".join(lines)
