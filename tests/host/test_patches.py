"""Gradient checkpointing in steps: what it saves, and that it changes nothing else."""

import pytest
from one_step import step, training
from test_families import CASES, load, samples

pytestmark = pytest.mark.usefixtures("comfy")


@pytest.mark.parametrize("name", ["sd15", "sdxl", "sd3", "flux_dev"])
def test_checkpointing_saves_in_steps_and_changes_nothing(name):
    """Less memory from off to part to all; loss and gradients stay."""
    model, steps = load(name), {}
    for how in ("off", "part", "all"):
        with training(model, gradient_checkpointing=how) as (host_model, network):
            steps[how] = step(host_model, network, *samples(CASES[name]))
    plain = steps["off"]
    assert plain.differs_from(steps["part"]) < 1e-5 and plain.differs_from(steps["all"]) < 1e-5
    assert steps["all"].kept < 0.9 * steps["part"].kept < 0.8 * plain.kept


def test_part_is_every_second_transformer_block():
    """Of SDXL's blocks, counted by kind; convolution blocks are left as they are."""
    from athanor.training_core.host import families, patches

    module = load("sdxl").model.diffusion_model
    blocks = [m for m in module.modules() if type(m).__name__ in families.BLOCKS]
    with patches.checkpointed(module, "part"):
        part = [m for m in blocks if "forward" in m.__dict__]
    with patches.checkpointed(module, "all"):
        assert all("forward" in m.__dict__ for m in blocks)
    assert not any("forward" in m.__dict__ for m in blocks)
    transformers = [m for m in blocks if type(m).__name__ != "ResBlock"]
    assert part == transformers[::2] and len(transformers) == 70
