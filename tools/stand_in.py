"""Small files under the names that the example workflows use, and small values for their widgets: for pictures and tests."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file

DATASETS = (
    "my_character", "my_character_reg", "my_character_best", "my_style",
    "my_photos",
)  # fmt: skip
FLAT = ("my_character_tagger_a", "my_character_tagger_b")
VAES = ("sdxl-vae-fp16-fix", "ae", "flux2-vae", "qwen_image_vae", "wan_2.1_vae")
TEXT_ENCODERS = (
    "clip_l", "clip_g", "t5xxl_fp16", "t5xxl_fp8_e4m3fn_scaled", "qwen_3_4b", "qwen_2.5_vl_7b_fp8_scaled",
    "qwen3vl_4b_fp8_scaled", "umt5_xxl_fp8_e4m3fn_scaled",
)  # fmt: skip
CHECKPOINTS = (
    "anyloraCheckpoint_bakedvaeBlessedFp16", "Illustrious-XL-v0.1", "sd_xl_base_1.0", "sd3_medium",
    "juggernautXL_v9Rundiffusionphoto2", "realistic_sdxl_merge", "flux1-dev", "flux-2-klein-base-4b",
    "Chroma1-HD-fp8mixed", "qwen_image_fp8_e4m3fn", "z_image_bf16",
    "wan2.2_t2v_high_noise_14B_fp8_scaled", "wan2.2_t2v_low_noise_14B_fp8_scaled",
)  # fmt: skip
PREFIXES = {"vae": "first_stage_model.", "text_encoders": "text_encoders.clip_l.transformer."}


def place(base: Path, checkpoints: dict[str, Path], dataset: Path) -> None:
    """Every file and folder that the workflows name.

    Args:
        base: the folder of a ComfyUI.
        checkpoints: what stands for a name; "" for all others, VAEs and text encoders.
        dataset: pictures with captions, in sub-folders N_name.
    """
    for name in CHECKPOINTS:
        for folder in ("checkpoints", "diffusion_models"):
            _once(base / "models" / folder / f"{name}.safetensors", checkpoints.get(name, checkpoints[""]))
    for folder, names in (("vae", VAES), ("text_encoders", TEXT_ENCODERS)):
        for name in names:
            path = base / "models" / folder / f"{name}.safetensors"
            if not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                save_file(_part(checkpoints[""], PREFIXES[folder]), path)
    for name in DATASETS:
        if not (target := base / "input" / name).exists():
            shutil.copytree(dataset, target)
    for name in FLAT:  # the host's own nodes look for pictures there
        (target := base / "input" / name).mkdir(exist_ok=True)
        for path in dataset.rglob("*.*"):
            shutil.copy(path, target)


def _once(path: Path, source: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        path.symlink_to(source.resolve())


def _part(checkpoint: Path, prefix: str) -> dict[str, Any]:
    tensors = load_file(checkpoint)
    return {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}


def smaller(
    workflow: dict[str, Any], size: int, epochs: int, batch: int
) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Nodes, and the values that make them small: pixels, steps, epochs, pictures in a batch; and no fp16 arithmetic, which
    takes a CPU minutes.
    """
    sides = {"width": size, "height": size}
    buckets = {"min_bucket_reso": size // 2, "max_bucket_reso": size * 2, "bucket_reso_steps": 32, "batch_size": batch}
    for node in workflow["nodes"]:
        kind = node["type"]
        if kind == "AthanorBucketer":
            yield node, sides | buckets
        elif kind in ("AthanorXYZCompare", "AthanorXYZPlan", "AthanorSampleConfig"):
            yield node, sides | {"steps": 2 if size < 128 else 12}
        elif kind == "AthanorTrainLoRA":
            yield (
                node,
                {"epochs": epochs, "gradient_checkpointing": "off", "mixed_precision": "no", "full_precision": "no"},
            )
