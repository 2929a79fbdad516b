"""What is expected of every supported family, and its narrow model with samples of its own shapes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch


@dataclass(frozen=True)
class Case:
    """What is expected of a family, and what its text encoder gives."""

    title: str
    prediction: str
    channels: int
    width: int  # of the text encoding
    key: str  # a module in the file of a preset "attn-mlp" network
    auto: tuple[str, float] = ("uniform", 1.0)  # timestep_sampling, shift
    guidance: bool = False
    extras: dict[str, Callable[[int], Any]] = field(default_factory=dict)  # by number of tokens
    frames: bool = False  # the host's latents are (B, C, 1, h, w)
    grouped: int = 2  # forwards for two captions of different length
    tokens: tuple[int, int] = (12, 20)
    size: int = 8  # of the latents
    rotary: bool = False  # it has rotary embeddings


def draw(*shape: int) -> Callable[[int], torch.Tensor]:
    """Random values; 0 in `shape` stands for the number of tokens."""
    return lambda tokens: torch.randn(1, *(n or tokens for n in shape))


def ones(tokens: int) -> torch.Tensor:
    return torch.ones(1, tokens, dtype=torch.int64)


def half(tokens: int) -> torch.Tensor:
    """A mask that hides the second half."""
    return (torch.arange(tokens) < tokens // 2).long()[None]


def none(_tokens: int) -> None:
    return None


UNET = "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn2_to_k"
CASES = {
    "sd15": Case("SD1.5", "eps", 4, 768, UNET, tokens=(77, 154), grouped=1, size=16),
    "sd2": Case("SD2", "eps", 4, 1024, UNET, tokens=(77, 154), grouped=1, size=16),
    "sd2_v": Case("SD2", "v", 4, 1024, UNET, tokens=(77, 154), grouped=1, size=16),
    "sdxl": Case(
        "SDXL",
        "eps",
        4,
        2048,
        "lora_unet_middle_block_1_transformer_blocks_9_attn2_to_k",
        extras={"pooled_output": draw(1280)},
        tokens=(77, 154),
        grouped=1,
    ),
    "sd3": Case(
        "SD3", "flow", 16, 4096, "lora_unet_joint_blocks_0_x_block_attn_qkv", extras={"pooled_output": draw(2048)}
    ),
    "flux_dev": Case(
        "Flux.1 dev",
        "flow",
        16,
        4096,
        "lora_unet_double_blocks_1_img_attn_qkv",
        auto=("shift", 3.1582),
        guidance=True,
        extras={"pooled_output": draw(768)},
        rotary=True,
    ),
    "flux_schnell": Case(
        "Flux.1 schnell",
        "flow",
        16,
        4096,
        "lora_unet_single_blocks_1_linear1",
        extras={"pooled_output": draw(768)},
        rotary=True,
    ),
    "flux2": Case(
        "Flux.2",
        "flow",
        128,
        256,
        "lora_unet_single_blocks_1_linear2",
        auto=("shift", 7.5383),
        guidance=True,
        extras={"pooled_output": none},
        grouped=1,  # the host pads to 512 tokens
        rotary=True,
    ),
    "chroma": Case(
        "Chroma",
        "flow",
        16,
        4096,
        "lora_unet_double_blocks_0_txt_mlp_2",
        auto=("sigmoid", 1.0),
        extras={"pooled_output": none},
        rotary=True,
    ),
    "lumina2": Case(
        "Lumina 2",
        "flow",
        16,
        2304,
        "lora_unet_layers_1_attention_qkv",
        auto=("shift", 6.0),
        extras={"pooled_output": none, "attention_mask": ones},
        rotary=True,
    ),
    "z_image": Case(
        "Z-Image",
        "flow",
        16,
        2560,
        "lora_unet_layers_1_feed_forward_w2",
        auto=("shift", 2.0),
        extras={"pooled_output": none, "attention_mask": ones},
        tokens=(12, 40),
        rotary=True,
    ),
    "qwen_image": Case(
        "Qwen-Image",
        "flow",
        16,
        3584,
        "lora_unet_transformer_blocks_1_attn_add_k_proj",
        auto=("shift", 2.2),
        extras={"pooled_output": none, "attention_mask": half},
        frames=True,
        rotary=True,
    ),
    "auraflow": Case("AuraFlow", "flow", 4, 2048, "lora_unet_double_layers_0_attn_w1q"),
    "wan": Case(
        "Wan 2.1 text-to-video",
        "flow",
        16,
        4096,
        "lora_unet_blocks_1_cross_attn_k",
        auto=("shift", 3.0),
        frames=True,
        rotary=True,
    ),
    "hidream": Case(
        "HiDream-I1",
        "flow",
        16,
        4096,
        "lora_unet_double_stream_blocks_0_block_attn1_to_q",
        extras={"pooled_output": draw(2048), "conditioning_llama3": draw(2, 0, 4096)},
        rotary=True,
    ),
}


def load(name: str) -> Any:
    """The family's MODEL through the host's own loader, in inference mode as the executor does it."""
    import comfy.sd
    import tiny
    import tiny_layouts

    with torch.inference_mode():
        if name == "sd3":
            return comfy.sd.load_diffusion_model_state_dict(tiny.sd3_unet(), model_options={"dtype": torch.float32})
        return tiny_layouts.load(name)


def samples(case: Case) -> tuple[torch.Tensor, list[Any], list[Any]]:
    """Latents as the VAE gives them, encodings of different length, sizes."""
    from athanor.training_core.host.model import Geometry
    from athanor.training_core.host.text import Text

    torch.manual_seed(0)
    latents = torch.randn(2, case.channels, *[1] * case.frames, case.size, case.size)
    texts = [Text(torch.randn(1, n, case.width), {k: make(n) for k, make in case.extras.items()}) for n in case.tokens]
    return latents, texts, [Geometry((800, 600), (3, 0), (64, 64)), Geometry((64, 64), (0, 0), (64, 64))]


def settings(case: Case) -> Any:
    from athanor.training_core.settings import NetworkSettings

    convolutions = (
        {"preset": "full", "conv_rank": 2} if case.key == UNET or case.title == "SDXL" else {"preset": "attn-mlp"}
    )
    return NetworkSettings(rank=2, alpha=2.0, **convolutions)


def objective_of(host_model: Any) -> Any:
    from athanor.training_core.objective import Objective
    from athanor.training_core.settings import LossSettings, NoiseSettings

    return Objective(LossSettings(), NoiseSettings(), host_model.schedule)


def positive(text: Any, guidance: float = 1.0) -> list[Any]:
    """A CONDITIONING as the host's text node and its FluxGuidance give it."""
    return [[text.cond, dict(text.extras) | {"guidance": guidance}]]


def gradient(p: torch.nn.Parameter) -> torch.Tensor:
    """A copy; zero where nothing depends on the parameter (Qwen-Image's last block drops its text)."""
    return torch.zeros_like(p) if p.grad is None else p.grad.clone()
