"""A file is continued as what it is, whatever alpha it was trained with."""

import pytest
import torch
from athanor.training_core.errors import AthanorError
from athanor.training_core.network import build, diffusers_names, portable, weights
from athanor.training_core.network.build import Part, attached
from athanor.training_core.settings import NetworkSettings
from small import CPU, Model, X


@pytest.mark.parametrize(
    "algo",
    [{"algo": "lora"}, {"algo": "loha"}, {"algo": "lokr", "factor": 2}, {"algo": "lokr", "factor": 2, "rank": 100}],
)
def test_a_file_of_another_alpha_changes_the_output_as_before(algo):
    """Once it did not for LoKr, which LyCORIS calls kron: the change was 4 times as large. At full rank alpha means nothing."""
    values = {"rank": 1} | algo
    model = Model()
    with attached([Part(model)], NetworkSettings(**values, alpha=4.0), 0, CPU) as network, torch.no_grad():
        generator = torch.Generator().manual_seed(1)
        for parameter in network.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
        tensors, output = portable.state(network), model(X)
        tensors = {key: value.clone() for key, value in tensors.items()}
    settings = NetworkSettings(**values, alpha=1.0)
    with attached([Part(model)], settings, 0, CPU) as network, torch.no_grad():
        weights.load_into(network, settings, tensors, {}, {})
        assert (model(X) - output).abs().max() < 1e-4 * output.abs().max()
    assert (model(X) - output).abs().max() > 0.1 * output.abs().max()


def test_numbers_that_become_infinite_are_refused_and_nothing_changes():
    """A weight of 3e38 times alpha 4: the network began with infinity."""
    model, settings = Model(), NetworkSettings(rank=1, alpha=4.0)
    network = build.create([Part(model)], settings, 0)
    tensors = {
        f"{lora.lora_name}.{k}": v.detach().clone() for lora in network.loras for k, v in lora.state_dict().items()
    }
    tensors |= {key: torch.full_like(value, 3e38) for key, value in tensors.items() if "lora_up" in key}
    settings = NetworkSettings(rank=1, alpha=0.5)
    network = build.create([Part(model)], settings, 1)
    before = [parameter.detach().clone() for parameter in network.parameters()]
    with pytest.raises(
        AthanorError,
        match=r"^network_weights: the file's numbers are so large that with its alpha they become infinite",
    ):
        weights.load_into(network, settings, tensors, {}, {})
    assert all(torch.equal(x, y) for x, y in zip(before, network.parameters(), strict=True))


def test_parts_of_a_layer_with_other_kernels_are_not_joined():
    """An up weight of more axes was a RuntimeError of torch."""
    whole = {"lora_down.weight": torch.ones(2, 4), "lora_up.weight": torch.ones(3, 2)}
    given = {"lora_unet_q": whole, "lora_unet_k": whole | {"lora_up.weight": torch.ones(3, 2, 1, 1)}}
    names = {"lora_unet_qk": {"unet.q": slice(0, 3), "unet.k": slice(3, 6)}}
    _, _, wrong = diffusers_names.join(given, {name: name for name in given}, names, {})
    assert wrong == ["lora_unet_k and others of its layer have different kernels"]
