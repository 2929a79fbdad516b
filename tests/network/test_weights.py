"""A file is continued as what it is, whatever alpha it was trained with."""

import pytest
import torch
from athanor.training_core.network import portable, weights
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
