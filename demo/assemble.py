"""Put the demo base together: one SD3-layout checkpoint of model, VAE and a text encoder drawn from a seed.

The text encoder is CLIP-L's exact layout with random weights: a fixed, random function from caption to
encoding. The model was trained on those encodings, so they must come out the same everywhere: numpy's PCG64
integers are, whatever the machine.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file

WEIGHTS = Path(__file__).resolve().parent / "weights"
NAME = "athanor-demo-base.safetensors"
CLIP_LAYERS, CLIP_WIDTH, CLIP_TOKENS, CLIP_LENGTH = 12, 768, 49408, 77


def _uniform(rng: np.random.Generator, shape: tuple[int, ...], std: float) -> torch.Tensor:
    """Uniform float16 values of the given standard deviation, made from integers only."""
    steps = rng.integers(-128, 128, size=shape, dtype=np.int8)
    return torch.from_numpy(steps.astype(np.float16)).mul_(std / 74.0)


def text_encoder(
    seed: int = 20261121, layers: int = CLIP_LAYERS, inner: int = 4 * CLIP_WIDTH
) -> dict[str, torch.Tensor]:
    """CLIP-L's state dict (float16, 123 M parameters), drawn from `seed`; tests have fewer `layers`, narrower inside (`inner`).

    Token embeddings dominate; each layer mixes in a little of the earlier tokens (causal attention), so
    that both the sequence and the pooled output tell captions apart.
    """
    rng = np.random.Generator(np.random.PCG64(seed))
    w = CLIP_WIDTH
    sd = {
        "embeddings.token_embedding.weight": _uniform(rng, (CLIP_TOKENS, w), 1.0),
        "embeddings.position_embedding.weight": _uniform(rng, (CLIP_LENGTH, w), 0.25),
        "final_layer_norm.weight": torch.ones(w, dtype=torch.float16),
        "final_layer_norm.bias": torch.zeros(w, dtype=torch.float16),
    }
    for i in range(layers):
        p = f"encoder.layers.{i}."
        for name, (out, inn), std in (
            ("self_attn.q_proj", (w, w), 0.5 * w**-0.5),
            ("self_attn.k_proj", (w, w), 0.5 * w**-0.5),
            ("self_attn.v_proj", (w, w), w**-0.5),
            ("self_attn.out_proj", (w, w), 0.7 * w**-0.5),
            ("mlp.fc1", (inner, w), w**-0.5),
            ("mlp.fc2", (w, inner), 0.2 * inner**-0.5),
        ):
            sd[f"{p}{name}.weight"] = _uniform(rng, (out, inn), std)
            sd[f"{p}{name}.bias"] = torch.zeros(out, dtype=torch.float16)
        for norm in ("layer_norm1", "layer_norm2"):
            sd[f"{p}{norm}.weight"] = torch.ones(w, dtype=torch.float16)
            sd[f"{p}{norm}.bias"] = torch.zeros(w, dtype=torch.float16)
    return {f"text_model.{k}": v for k, v in sd.items()}


def assemble(path: Path, model: dict[str, torch.Tensor] | None = None) -> Path:
    """Write the demo base to `path` (270 MB), unless it is there; `model` stands in for the trained weights."""
    if path.exists():
        return path
    parts = {
        "model.diffusion_model.": model if model is not None else load_file(WEIGHTS / "model.safetensors"),
        "first_stage_model.": load_file(WEIGHTS / "vae.safetensors"),
        "text_encoders.clip_l.transformer.": text_encoder(),
    }
    state = {prefix + k: v.contiguous() for prefix, part in parts.items() for k, v in part.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    save_file(state, temporary)
    temporary.replace(path)
    return path
