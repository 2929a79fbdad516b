"""One layer of a LoRA file of each kind that is added to a weight, 12 x 10 or 12 x 10 x 3 x 3, in LyCORIS' spelling."""

from __future__ import annotations

import torch


def numbers(*shape: int, seed: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def lora(
    seed: int, rank: int = 3, alpha: float | None = 2.0, kernel: int = 1, size: tuple[int, int] = (12, 10)
) -> dict:
    out, into = size
    tail = () if kernel == 1 else (kernel, kernel)
    ones = () if kernel == 1 else (1, 1)
    pieces = {
        "lora_up.weight": numbers(out, rank, *ones, seed=seed),
        "lora_down.weight": numbers(rank, into, *tail, seed=seed + 1),
    }
    return pieces | ({} if alpha is None else {"alpha": torch.tensor(alpha)})


def tucker(seed: int) -> dict:
    return {
        "lora_up.weight": numbers(12, 3, 1, 1, seed=seed),
        "lora_mid.weight": numbers(3, 3, 3, 3, seed=seed + 1),
        "lora_down.weight": numbers(3, 10, 1, 1, seed=seed + 2),
        "alpha": torch.tensor(1.5),
    }


def loha(seed: int, rank: int = 2, core: bool = False) -> dict:
    if core:
        return {
            f"hada_w{half}_{name}": numbers(rank, size, seed=seed + i)
            for i, (half, name, size) in enumerate([("1", "a", 12), ("1", "b", 10), ("2", "a", 12), ("2", "b", 10)])
        } | {f"hada_t{half}": numbers(rank, rank, 3, 3, seed=seed + 7 + int(half)) for half in "12"}
    shapes = {"w1_a": (12, rank), "w1_b": (rank, 10), "w2_a": (12, rank), "w2_b": (rank, 10)}
    pieces = {f"hada_{name}": numbers(*shape, seed=seed + i) for i, (name, shape) in enumerate(shapes.items())}
    return pieces | {"alpha": torch.tensor(1.0)}


def lokr(seed: int, first: torch.Tensor | None = None, second_rank: int = 0, kernel: tuple[int, ...] = ()) -> dict:
    one = {"lokr_w1": numbers(3, 2, seed=seed) if first is None else first}
    if not second_rank:
        return one | {"lokr_w2": numbers(4, 5, *kernel, seed=seed + 1), "alpha": torch.tensor(9.0)}
    return one | {
        "lokr_w2_a": numbers(4, second_rank, seed=seed + 1),
        "lokr_w2_b": numbers(second_rank, 5, seed=seed + 2),
        "alpha": torch.tensor(1.0),
    }


KINDS = {
    "lora": lora(1),
    "lora without alpha": lora(1, alpha=None),
    "locon": lora(2, kernel=3),
    "tucker": tucker(3),
    "loha": loha(4),
    "loha with a core": loha(5, core=True),
    "lokr": lokr(6),
    "lokr of a low rank": lokr(7, second_rank=2),
    "lokr of a convolution": lokr(8, kernel=(3, 3)),
    "full": {"diff": numbers(12, 10, seed=9)},
    "lora and full": lora(1) | {"diff": numbers(12, 10, seed=9)},
}
