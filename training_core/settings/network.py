"""Network Config: what is trained beside the frozen model."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import model_validator
from typing_extensions import Self

from . import expressions
from .base import Settings, setting
from .blocks import BlockSettings


class NetworkSettings(Settings):
    """A LoRA or LyCORIS network on the diffusion model, its text encoders, or both."""

    algo: Literal["lora", "locon", "loha", "lokr", "glora", "full", "diag-oft", "boft", "ia3", "dylora", "finetune"] = (
        setting(
            "lora",
            "Type of network. lora: the standard, for Linear layers (and 3x3 convolutions if conv_rank is set). "
            "locon: the same with convolutions in mind. loha, lokr: LyCORIS' Hadamard and Kronecker products; small "
            "files, good for styles. glora: also scales the weight. full: the whole weight; large files. diag-oft, "
            "boft: rotations; gentle changes. ia3: one number per channel (the file is as large as the layers). "
            "dylora: also usable at smaller ranks. finetune: no network, trains the model's own weights and saves a "
            "checkpoint (needs a lot of VRAM).",
            flag="network_args algo",
        )
    )
    train: Literal["unet", "unet + text encoder", "text encoder"] = setting(
        "unet",
        "What is trained. The text encoder (CLIP-L, CLIP-G, T5) helps with new words, but slows training down: "
        "captions are then encoded again at every step. Its learning rate is text_encoder_lr of Optimizer Config. "
        "(sd-scripts trains both where neither of its flags is given.)",
        flag="network_train_unet_only, network_train_text_encoder_only",
    )
    rank: int = setting(
        16,
        "Size of the network (network_dim in sd-scripts): 4 to 32 is usual, 64 to 128 for a lot of detail. For "
        "lokr, 100000 means full dimension.",
        flag="network_dim",
        ge=1,
        le=100000,
    )
    alpha: float = setting(
        8.0,
        "Scales the update by alpha / rank. Half or a quarter of the rank is usual; alpha 1 needs a higher "
        "learning rate. 0 = same as the rank.",
        flag="network_alpha",
        ge=0,
        le=100000,
        step=0.5,
    )
    conv_rank: int = setting(
        0,
        "Rank of 3x3 convolutions (U-Nets only). 8 or less is usual; 0 = not trained.",
        flag="network_args conv_dim",
        ge=0,
        le=100000,
        advanced=True,
    )
    conv_alpha: float = setting(
        1.0,
        "Alpha of 3x3 convolutions; their update is scaled by conv_alpha / conv_rank.",
        flag="network_args conv_alpha",
        ge=0,
        le=100000,
        step=0.5,
        advanced=True,
    )
    factor: int = setting(
        -1,
        "lokr: how the weight is split into two blocks (4 to 16; -1 = as evenly as possible). A smaller factor "
        "makes larger files.",
        flag="network_args factor",
        ge=-1,
        le=1024,
        advanced=True,
    )
    dropout: float = setting(
        0.0,
        "Chance that a value of the network's output is dropped during training (0 to 0.3), against overfitting. "
        "lora and locon only.",
        flag="network_dropout",
        ge=0,
        le=1,
        step=0.01,
        advanced=True,
    )
    rank_dropout: float = setting(
        0.0,
        "Chance that a rank is dropped during training (0 to 0.3), against overfitting.",
        flag="network_args rank_dropout",
        ge=0,
        le=1,
        step=0.01,
        advanced=True,
    )
    module_dropout: float = setting(
        0.0,
        "Chance that the network of a whole layer is skipped in a step (0 to 0.3), against overfitting.",
        flag="network_args module_dropout",
        ge=0,
        le=1,
        step=0.01,
        advanced=True,
    )
    preset: Literal["attn-mlp", "full", "full-lin", "attn-only", "unet-transformer-only", "unet-convblock-only"] = (
        setting(
            "attn-mlp",
            "Which layers are trained. attn-mlp: all of the transformer blocks, like LoRA in sd-scripts. full: "
            "everything, like LyCORIS' default (convolutions need conv_rank). full-lin: everything except "
            "convolutions.",
            flag="network_args preset",
            advanced=True,
        )
    )
    preset_toml: str = setting(
        "",
        "Your own LyCORIS preset, as the text of its TOML file. Overrides preset. Empty: not used.",
        flag="network_args preset",
        key="ss_network_args preset_toml",
        multiline=True,
        advanced=True,
    )
    train_norm: bool = setting(
        False,
        "Also train the normalization layers of the chosen blocks.",
        flag="network_args train_norm",
        advanced=True,
    )
    dora: bool = setting(
        False,
        "DoRA: train the magnitude of each weight row separately from its direction (lora, locon, loha and lokr)."
        " Slower, closer to full training.",
        flag="network_args dora_wd",
        advanced=True,
    )
    wd_on_output: bool = setting(
        True,
        "DoRA: one magnitude per output row. Off: one per input column.",
        flag="network_args wd_on_output",
        advanced=True,
    )
    rs_lora: bool = setting(
        False,
        "rsLoRA: scale by alpha / square root of the rank, so that large ranks learn as fast as small ones (lora,"
        " locon, loha, lokr).",
        flag="network_args rs_lora",
        advanced=True,
    )
    use_tucker: bool = setting(
        False,
        "Tucker decomposition of 3x3 convolutions, for smaller files (lora, locon, loha).",
        flag="network_args use_tucker",
        advanced=True,
    )
    decompose_both: bool = setting(
        False,
        "lokr: also decompose the small block by the rank.",
        flag="network_args decompose_both",
        advanced=True,
    )
    full_matrix: bool = setting(
        False,
        "lokr: do not decompose the large block, whatever the rank.",
        flag="network_args full_matrix",
        advanced=True,
    )
    block_size: int = setting(
        4,
        "dylora: ranks are trained in groups of this size; the rank must be a multiple of it.",
        flag="network_args block_size",
        ge=1,
        le=1024,
        advanced=True,
    )
    constraint: float = setting(
        0.0,
        "diag-oft, boft: maximum rotation (1e-4 to 1e-2; 0 = no limit).",
        flag="network_args constraint",
        ge=0,
        le=10,
        step=0.0001,
        advanced=True,
    )
    include: str = setting(
        "",
        "Train only layers whose name matches one of these regular expressions, one per line or separated by "
        "commas, such as 'attn2' or 'output_blocks'. Empty: all layers of the preset.",
        flag="network_args include_patterns",
        multiline=True,
        advanced=True,
    )
    exclude: str = setting(
        "",
        "Do not train layers whose name matches one of these regular expressions, for example 'adaLN_modulation'.",
        flag="network_args exclude_patterns",
        multiline=True,
        advanced=True,
    )

    scale_weight_norms: float = setting(
        0.0,
        "Maximum norm of each layer's change, applied after every step (1 is usual; 0 = no limit). lora and locon.",
        flag="scale_weight_norms",
        ge=0,
        le=1000,
        step=0.1,
        advanced=True,
    )
    loraplus_lr_ratio: float = setting(
        0.0,
        "LoRA+: how many times faster the up weights learn (4 to 16; 0 = as fast as the others). lora and locon.",
        flag="network_args loraplus_lr_ratio",
        ge=0,
        le=1000,
        step=1,
        advanced=True,
    )
    network_weights: str = setting(
        "",
        "Continue from this LoRA of the loras folders (its file name). algo, rank and layers must be the same; "
        "LoRA Info shows them. Empty: start from scratch.",
        flag="network_weights",
        advanced=True,
    )
    blocks: BlockSettings = BlockSettings()

    @model_validator(mode="after")
    def _together(self) -> Self:
        matrices = ("lora", "locon", "loha", "lokr")
        for name, algos in (("dora", matrices), ("rs_lora", matrices), ("use_tucker", ("lora", "locon", "loha"))):
            if getattr(self, name) and self.algo not in algos:
                why = " exactly in ComfyUI's loader" if (name, self.algo) == ("use_tucker", "lokr") else ""
                raise ValueError(
                    f"{name} does not work with algo {self.algo}{why}: choose {', '.join(algos)}, or switch it off."
                )
        if self.algo == "finetune" and self.text:
            raise ValueError("algo finetune trains the diffusion model alone: choose unet in train.")
        if self.algo == "finetune" and self.network_weights.strip():
            raise ValueError(
                "network_weights is for networks: leave it empty with algo finetune, and load that model instead."
            )
        for rank in (self.rank, self.conv_rank):
            if self.algo == "dylora" and rank % self.block_size:
                raise ValueError(f"block_size is {self.block_size}: it must divide the rank ({rank}) for dylora.")
        self.patterns("include")
        self.patterns("exclude")
        return self

    @property
    def unet(self) -> bool:
        """Whether the diffusion model gets a network."""
        return self.train != "text encoder"

    @property
    def text(self) -> bool:
        """Whether the text encoders get a network."""
        return self.train != "unet"

    @property
    def draws(self) -> bool:
        """Whether the network draws random numbers in its forward pass: dropout of any kind, or dylora's rank."""
        return bool(self.dropout or self.rank_dropout or self.module_dropout) or self.algo == "dylora"

    def patterns(self, name: Literal["include", "exclude"]) -> list[re.Pattern[str]]:
        """Return the regular expressions of the field `name`; none if it is empty.

        Raises:
            ValueError: one cannot be read; names it.
        """
        texts = expressions.parts(name, getattr(self, name))
        expressions.check_count(name, len(texts))
        return [expressions.compiled(name, text) for text in texts]
