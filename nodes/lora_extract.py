"""The node LoRA Extract: the difference of two models as a LoRA file."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from comfy_api.latest import io

from ..training_core.errors import AthanorError, quoted
from ..training_core.host import devices, folders, sampling
from ..training_core.settings import ExtractSettings
from .lora_results import free, lost, made, shown
from .progress import Progress
from .schema import inputs, pick, sentence

log = logging.getLogger("athanor")

CONNECTED = "connected model"
"""The choice of a checkpoint that means the socket."""


class AthanorLoRAExtract(io.ComfyNode):
    """Makes a LoRA file of the difference of two models."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Return the node's inputs (two models, ExtractSettings) and its outputs (the result's name, text)."""
        names = [CONNECTED, *sampling.known()["models"]]
        return io.Schema(
            node_id="AthanorLoRAExtract",
            display_name="LoRA Extract (Athanor)",
            category="Athanor",
            description="Makes a LoRA of the difference of two models: put on the base model, it gives the tuned one, as nearly as its "
            "rank allows. Layer by layer by SVD; the node says how near it is.",
            is_output_node=True,
            search_aliases=[
                "extract lora",
                "lora from checkpoint",
                "model difference",
                "svd",
                "subtract models",
                "distill lora",
            ],
            inputs=[
                io.Combo.Input(
                    "tuned_checkpoint",
                    options=names,
                    default=CONNECTED,
                    optional=True,
                    tooltip="The model whose difference is wanted, such as a fine-tune; a file of the checkpoints folders, or what is "
                    "connected to tuned_model.",
                ),
                io.Combo.Input(
                    "base_checkpoint",
                    options=names,
                    default=CONNECTED,
                    optional=True,
                    tooltip="The model that the LoRA will be used on: a file, or what is connected to base_model.",
                ),
                *inputs(ExtractSettings),
                io.Model.Input("tuned_model", optional=True, tooltip="The tuned model; LoRAs on it count."),
                io.Model.Input("base_model", optional=True, tooltip="The base model; LoRAs on it count."),
                io.Clip.Input("tuned_clip", optional=True, tooltip="The tuned model's text encoder."),
                io.Clip.Input("base_clip", optional=True, tooltip="The base model's text encoder."),
            ],
            outputs=[
                io.AnyType.Output("lora_name", tooltip="File name of the result; connects to Load LoRA."),
                io.String.Output(
                    "text", tooltip="The result's layers and ranks, and its difference to that of the models."
                ),
            ],
            hidden=[io.Hidden.unique_id],
        )

    @classmethod
    def validate_inputs(cls, output_name: str | None = None) -> bool | str:
        """Return True if the result would be in the loras folder, else what is wrong (None: linked or missing)."""
        return sentence(lambda: folders.lora_path(str(output_name)), output_name=output_name)

    @classmethod
    def fingerprint_inputs(cls, output_name: str | None = None, **values: Any) -> Any:
        """Return the times of the checkpoints' last changes, and how often a result of this name was deleted since it was made."""
        try:
            gone = lost(folders.lora_path(output_name or "extracted_lora"))
        except AthanorError:
            return None
        names = [values.get(f"{side}_checkpoint") or CONNECTED for side in ("tuned", "base")]
        paths = [folders.model_file("checkpoints", name) for name in names if name != CONNECTED]
        return [path.stat().st_mtime_ns if path and path.is_file() else 0 for path in paths], gone

    @classmethod
    def execute(cls, **values: Any) -> io.NodeOutput:
        """Make the file, unless it is there already, and return its name and what it is in words.

        Raises:
            AthanorError: a model is missing, the two are of different kinds or equal, or another file has the result's name.
        """
        from ..training_core.edit import asked, extract, recipe, told
        from ..training_core.host import difference, fingerprint

        settings = pick(ExtractSettings, values)
        path = folders.lora_path(settings.output_name)
        rule = asked.rule(settings.rank, settings.conv_rank, settings.rank_method, settings.rank_target)
        assert rule is not None  # a rank above 0 is one
        _check_files(values)
        tuned, base = (_models(side, values, settings.text_encoders) for side in ("tuned", "base"))
        recipe_of = {
            "tuned": {"model": _title(tuned, values, "tuned"), "content": fingerprint.models(*tuned, None)[:24]},
            "base": {"model": _title(base, values, "base"), "content": fingerprint.models(*base, None)[:24]},
            "rank": recipe.rank_rule(rule),
            "min_diff": settings.min_diff,
            "precision": settings.precision,
        }
        if recipe.is_same(path, recipe_of):
            made(path)
            return _output(path, told.again(path, told.MODELS), cls.hidden.unique_id)
        free(path, settings.replace_file, [])
        layers = [
            extract.Difference(name=one.name, shape=one.shape, read=one.read) for one in difference.weights(base, tuned)
        ]
        device = _device()
        devices.make_room(extract.needs(layers), device)
        found = extract.make(layers, rule, settings.precision, settings.min_diff, shown(cls.hidden.unique_id), device)
        free(path, settings.replace_file, [])
        recipe.write_extracted(path, found.made, recipe_of, _about(base, values))
        made(path)
        size = path.stat().st_size
        lines = [*told.summary(folders.lora_name(path), found.made, size, told.MODELS), *extract.told(found)]
        for line in lines:
            log.info("Athanor: %s", line)
        return _output(path, lines, cls.hidden.unique_id)


def _output(path: Path, lines: list[str], node_id: str) -> io.NodeOutput:
    """Return the outputs for a result, which is told on the node, too."""
    text = "\n".join(lines)
    Progress(node_id).text(text, always=True)
    name = folders.lora_name(path)
    return io.NodeOutput(name, text, ui={"text": [text], "lora": [name]})


def _check_files(values: dict[str, Any]) -> None:
    """Refuse the same file on both sides, before it is read twice.

    Raises:
        AthanorError: it is.
    """
    names = {str(values.get(f"{side}_checkpoint", CONNECTED)) for side in ("tuned", "base")}
    if len(names) == 1 and CONNECTED not in names:
        raise AthanorError(
            f"tuned_checkpoint and base_checkpoint are both {quoted(names.pop())}, which does not differ from itself: choose another one."
        )


def _models(side: str, values: dict[str, Any], with_clip: bool) -> tuple[Any, Any]:
    """Return MODEL and CLIP (None if it is not wanted or not there) of one side, from a file or from its sockets.

    Raises:
        AthanorError: neither is given, or the file holds no model.
    """
    from ..training_core.host import difference
    from ..training_core.host.usable import usable

    name = values.get(f"{side}_checkpoint", CONNECTED)
    if name != CONNECTED:
        model, clip = difference.loaded(str(name), with_clip)
    else:
        model, clip = values.get(f"{side}_model"), values.get(f"{side}_clip")
    model = usable("model", model)
    if model is None:
        raise AthanorError(f"{side}_checkpoint: choose a file, or connect {side}_model to a loader that has a model.")
    return model, usable("clip", clip) if with_clip else None


def _title(models: tuple[Any, Any], values: dict[str, Any], side: str) -> str:
    """Return the name of a model's file, without its folder; '' where the host does not know it."""
    from ..training_core.host import detection

    name = values.get(f"{side}_checkpoint", CONNECTED)
    path = detection.file_of(models[0])
    return str(name).replace("\\", "/").rpartition("/")[2] if name != CONNECTED else path.name if path else ""


def _about(base: tuple[Any, Any], values: dict[str, Any]) -> dict[str, str]:
    """Return the fields that tell which model a LoRA is for."""
    from ..training_core.host import detection

    name = _title(base, values, "base")
    fields = {"ss_sd_model_name": name} if name else {}
    try:
        family = detection.detect(base[0])
    except AthanorError:
        return fields
    return {
        **fields,
        "ss_base_model_version": family.base_version,
        "modelspec.architecture": f"{family.architecture}/lora",
    }


def _device() -> Any:
    """Return where differences are decomposed: on the GPU where it computes in float64, else on the CPU."""
    import torch

    device = devices.compute_device()
    return device if device.type in ("cuda", "xpu") else torch.device("cpu")
