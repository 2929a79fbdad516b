"""What LoRA Edit and LoRA Extract make: ranks, blocks, names and number formats of LoRA files."""

from __future__ import annotations

from typing import Literal

from .base import Settings, setting

_METHODS = (
    "How a layer's rank follows from its singular values, as in sd-scripts' resize_lora.py. fixed: rank. sv_ratio: values above "
    "the largest / rank_target. sv_cumulative: until their sum reaches the share rank_target. sv_fro: until the norm does."
)
_TARGET = "For rank_method: sv_ratio takes a ratio above 1 (10 is usual), sv_cumulative and sv_fro a share up to 1 (0.9 to 0.99 is usual)."
_CONV = "Rank of convolutions larger than 1x1; 0 = as rank. LoRA without convolutions has none of them."
_PRECISION = "Number format of the file. fp16 and bf16 are half as large as float; fp16 is exact to 0.05 %, bf16 to 0.4 % of each number."
_NAME = "File name of the result in the loras folder; use '/' for sub-folders."
_REPLACE = (
    "Write over a file of that name that holds something else. Off: the node stops and says so. Files that the result is made of "
    "are never written over."
)
Method = Literal["fixed", "sv_ratio", "sv_cumulative", "sv_fro"]


class EditSettings(Settings):
    """What is made of one or several LoRA files."""

    more_loras: str = setting(
        "",
        "More files, one per line, with their weight: style.safetensors: 0.5. A pattern gives each file that it fits this weight: "
        "my_lora-00000*: 1/9 is the average of nine epochs, with lora_name's weight at 0. Blocks of one file stand behind its weight: "
        "style.safetensors: 0.5; all but out.",
        multiline=True,
        advanced=True,
    )
    blocks: str = setting(
        "",
        "Strength of blocks, with commas between: in 0.5, mid 0, all but out, IN04-08, double0-7, te 0, *attn2*. With a number: so "
        "strong; without: these are kept, and all others left out. Empty: everything as it is.",
    )
    rank: int = setting(
        0,
        "Rank of the result (4 to 64 is usual); 0 = as it comes: exact, and when several files are merged their ranks add up. A "
        "smaller rank is the nearest one by SVD: the file shrinks with it, and the node says what it costs.",
        flag="new_rank",
        ge=0,
        le=4096,
    )
    output_name: str = setting("edited_lora", _NAME)
    replace_file: bool = setting(False, _REPLACE)
    conv_rank: int = setting(0, _CONV, flag="new_conv_rank", ge=0, le=4096, advanced=True)
    rank_method: Method = setting(
        "fixed",
        f"{_METHODS} With these, rank is the most a layer gets; 0 = no limit.",
        flag="dynamic_method",
        advanced=True,
    )
    rank_target: float = setting(0.95, _TARGET, flag="dynamic_param", ge=0.01, le=1000, step=0.01, advanced=True)
    precision: Literal["as in the file", "fp16", "bf16", "float"] = setting(
        "as in the file", f"{_PRECISION} As in the file: that of the first LoRA.", advanced=True
    )
    names: Literal["as in the file", "kohya", "ComfyUI", "diffusers"] = setting(
        "as in the file",
        "How layers are called. kohya: lora_unet_..., which most programs read. ComfyUI: its own paths. diffusers: PEFT's format, for "
        "diffusers itself. Other than as in the file needs model connected.",
        advanced=True,
    )


class ExtractSettings(Settings):
    """How the difference of two models becomes a LoRA file."""

    rank: int = setting(
        32,
        "Rank of linear layers and 1x1 convolutions (8 to 128 is usual); the file grows with it. With a rank_method other than fixed: "
        "the most a layer gets.",
        flag="dim",
        ge=1,
        le=4096,
    )
    output_name: str = setting("extracted_lora", _NAME)
    replace_file: bool = setting(False, _REPLACE)
    text_encoders: bool = setting(
        True,
        "Also take the text encoders' difference, where both sides have one: from the checkpoints, or from the clip sockets.",
    )
    conv_rank: int = setting(
        0,
        "Rank of convolutions larger than 1x1; 0 = leave them out. U-Nets (SD1.5, SDXL) have them; as a LoCon the file is a third larger.",
        flag="conv_dim",
        ge=0,
        le=4096,
        advanced=True,
    )
    rank_method: Method = setting("fixed", _METHODS, advanced=True)
    rank_target: float = setting(0.95, _TARGET, ge=0.01, le=1000, step=0.01, advanced=True)
    min_diff: float = setting(
        0.0001,
        "A layer none of whose weights differs by more than this is left out (0.0001 is rounding of fp16; 0 = only equal layers).",
        flag="min_diff",
        ge=0,
        le=1,
        step=0.0001,
        advanced=True,
    )
    precision: Literal["fp16", "bf16", "float"] = setting("fp16", _PRECISION, flag="save_precision", advanced=True)
