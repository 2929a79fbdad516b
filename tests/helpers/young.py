"""What rounding leaves of a network that has learnt little yet, on a base of few bits."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from athanor.training_core.network import build, lycoris
from athanor.training_core.settings import NetworkSettings

CPU = torch.device("cpu")


class SpatialTransformer(torch.nn.Module):
    __module__ = "comfy.ldm.modules.attention"  # classes are known by their module, too
    """One layer, of a class whose layers get a network."""

    def __init__(self, width: int, dtype: torch.dtype) -> None:
        super().__init__()
        self.to_q = torch.nn.Linear(width, width, bias=False)
        torch.manual_seed(0)
        self.to_q.weight = torch.nn.Parameter((0.02 * torch.randn(width, width)).to(dtype), requires_grad=False)


class Model(torch.nn.Module):
    def __init__(self, width: int, dtype: torch.dtype) -> None:
        super().__init__()
        self.attn = SpatialTransformer(width, dtype)


@dataclass(frozen=True)
class Effect:
    error: float  # of what the network adds, as a part of it
    kept: float  # how much of it is in the layer's output, as a part of it: 1 is all


def effect(settings: NetworkSettings, share: float, stored: torch.dtype, width: int = 256) -> Effect:
    """Against float64 (rotations: float32), of a layer computed in bfloat16, where the network adds `share` of the layer's own output."""
    model = Model(width, stored)
    weight = model.attn.to_q.weight
    x = torch.randn(512, width, generator=torch.Generator().manual_seed(1)).bfloat16()
    own = x.double() @ weight.double().T
    precise = torch.float32 if settings.algo in ("diag-oft", "boft") else torch.float64  # LyCORIS has no more for these

    def nothing(x: torch.Tensor) -> torch.Tensor:
        return torch.zeros(len(x), width, dtype=x.dtype)

    with build.attached([build.Part(model)], settings, 0, CPU) as network, torch.no_grad():
        (lora,), exactly = network.loras, _exactly(settings, weight, precise)
        network.eval()
        fresh = [i for i, p in enumerate(network.parameters()) if not p.any()]  # what a delta grows from
        for _ in range(3):
            ours, theirs = list(network.parameters()), list(exactly.parameters())
            for i in fresh:
                start = torch.randn(ours[i].shape, generator=torch.Generator().manual_seed(2)) * 1e-4
                ours[i].copy_(ours[i] * factor if ours[i].any() else start)  # noqa: F821
            for p, q in zip(ours, theirs, strict=True):
                q.copy_(p)
            exactly.org_forward = lora.org_forward = nothing
            wanted = exactly(x.to(precise)).double()
            factor = share * own.norm() / wanted.norm()
        alone = lora(x).double()
        lora.org_forward = lambda x: F.linear(x, weight.to(x.dtype))
        added = lora(x).double() - lora.org_forward(x).double()
    assert abs(factor - 1) < 0.1
    return Effect(
        ((alone - wanted).norm() / wanted.norm()).item(), ((added * wanted).sum() / wanted.square().sum()).item()
    )


def _exactly(settings: NetworkSettings, weight: torch.Tensor, dtype: torch.dtype) -> torch.nn.Module:
    """LyCORIS' own module of the same kind, all of it in that type."""
    model = Model(weight.shape[0], dtype)
    model.attn.to_q.weight.copy_(weight.to(dtype))
    (lora,) = build.create([build.Part(model)], settings, 0).loras
    lora.to(dtype).eval()
    lycoris.draw_ranks_from_torch(lora)
    lora._model = [model]  # alive
    return lora
