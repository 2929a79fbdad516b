"""The copy in diffusers' names, as numbers; its names are tried with real models in tests/host."""

import pytest
import torch
from athanor.training_core.network import diffusers_names


@pytest.mark.parametrize(("rank", "most"), [(4, 1e-5), (64, 1e-4), (128, 2e-4)])
def test_a_small_change_keeps_its_bits_in_fp16(rank, most):
    """alpha / rank in lora_B, whose numbers are small as it is, would lose 0.07 % at rank 4 and 2.2 % at rank 128."""
    generator = torch.Generator().manual_seed(0)
    down = ((2 * torch.rand(rank, 3072, generator=generator) - 1) * 3072**-0.5).half()  # as a layer begins
    up = (1e-4 * torch.randn(320, rank, generator=generator)).half()
    given = {"m.lora_down.weight": down, "m.lora_up.weight": up, "m.alpha": torch.tensor(1.0)}
    copy = diffusers_names.split(given, {"m": {"t": slice(None)}})
    wanted = up.double() @ down.double() / rank
    found = copy["t.lora_B.weight"].double() @ copy["t.lora_A.weight"].double()
    assert {value.dtype for value in copy.values()} == {torch.float16}
    assert (found - wanted).norm() < most * wanted.norm()
