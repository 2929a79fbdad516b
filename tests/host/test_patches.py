"""Gradient checkpointing in steps: what it saves, and that it changes nothing else."""

import pytest
import torch
from family_cases import CASES, load, samples
from one_step import step, training

pytestmark = pytest.mark.usefixtures("comfy")


@pytest.mark.parametrize("name", ["sd15", pytest.param("sdxl", marks=pytest.mark.long), "sd3", "flux_dev"])
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
    from athanor.training_core import families
    from athanor.training_core.host import patches

    module = load("sdxl").model.diffusion_model
    blocks = [m for m in module.modules() if families.is_one_of(m, families.RECOMPUTED)]
    with patches.checkpointed(module, "part"):
        part = [m for m in blocks if "forward" in m.__dict__]
    with patches.checkpointed(module, "all"):
        assert all("forward" in m.__dict__ for m in blocks)
    assert not any("forward" in m.__dict__ for m in blocks)
    transformers = [m for m in blocks if type(m).__name__ != "ResBlock"]
    assert part == transformers[::2] and len(transformers) == 9  # of the small SDXL; the released one has 70


RANDOM = {
    "dropout": {"dropout": 0.3},
    "rank_dropout": {"rank_dropout": 0.4},
    "module_dropout": {"module_dropout": 0.5},
    "dylora": {"algo": "dylora", "rank": 4, "block_size": 1},
}


@pytest.mark.parametrize("name", RANDOM)
def test_what_is_random_is_the_same_when_it_is_computed_again(name):
    """The settings know it; were it not known, other numbers would be drawn: other gradients, or even other shapes."""
    from athanor.training_core.settings import NetworkSettings

    settings = NetworkSettings(**{"rank": 2} | RANDOM[name])
    assert settings.draws

    def gradients(how, draws):
        with (
            torch.random.fork_rng(devices=[]),
            training(model, settings) as (host_model, network),
            host_model.checkpointed(how, draws),
        ):
            torch.manual_seed(7)
            return step(host_model, network, *samples(CASES["sd3"]))

    model = load("sd3")
    plain = gradients("off", True)
    assert plain.differs_from(gradients("all", settings.draws)) < 1e-5
    try:
        assert plain.differs_from(gradients("all", False)) > 1e-2
    except torch.utils.checkpoint.CheckpointError:
        assert name in ("module_dropout", "dylora")


class Reads:
    """Counts how often torch's generator is asked for its state."""

    def __init__(self, patch):
        self.count = 0
        read = torch.get_rng_state

        def counted():
            self.count += 1
            return read()

        for module in (torch, torch.random):
            patch.setattr(module, "get_rng_state", counted)


def test_where_nothing_is_random_no_state_is_kept(monkeypatch):
    """Of the network's settings, the model's dropouts and what the graph has put into blocks, each is enough to keep it."""
    from athanor.training_core.settings import NetworkSettings

    settings, inputs = NetworkSettings(rank=2), samples(CASES["sd3"])
    with training(load("sd3"), settings) as (host_model, network):
        reads = Reads(monkeypatch)

        def counted():
            reads.count = 0
            with host_model.checkpointed("all", settings.draws):
                steps.append(step(host_model, network, *inputs))
            return reads.count

        step(host_model, network, *inputs)
        usual, steps = reads.count, []
        assert usual == 0 == counted()
        block = next(m for m in host_model.diffusion_model.modules() if type(m).__name__ == "JointBlock")
        block.drop = torch.nn.Dropout(0.1).eval()  # not used: the values are the same
        assert not host_model.diffusion_model.training and counted() == 0
        block.drop.train()
        assert counted() > 0
        block.drop.p = 0.0
        assert counted() == 0
        host_model._options["patches"] = {"middle_patch": [lambda values: values]}
        assert counted() > 0
        del host_model._options["patches"], block.drop
        assert all(other.differs_from(steps[0]) < 1e-6 for other in steps)


def test_samples_while_training_see_the_models_own_sampling():
    """Cosmos-Predict2's counts sigmas in another way than training does; a forward's traces on the model are taken off."""
    from athanor.training_core.host import guard
    from athanor.training_core.host.model import trainable
    from athanor.training_core.host.sampling import interlude

    model, case = load("cosmos_predict2"), CASES["cosmos_predict2"]
    latents, texts, geometry = samples(case)
    sampling, module = model.model.model_sampling, model.model.diffusion_model
    before, x = set(vars(module)), torch.tensor([3.0])
    with guard.training(), trainable(model, "auto") as host_model, torch.no_grad():
        ((_, conds),) = host_model.batch(latents[:1], texts[:1], geometry[:1], [1.0]).groups()

        def seen():
            given = sampling.calculate_input(x, x).item(), sampling.timestep(x).item()
            return given, model.model.apply_model(latents[:1], torch.tensor([0.5]), **conds)

        ours = seen()
        with interlude(host_model):
            own = seen()
        again = seen()
        assert set(vars(module)) > before
    assert ours[0] == again[0] == (3.0, 3.0) and own[0] == (0.75, 0.75)
    assert torch.equal(ours[1], again[1]) and not torch.allclose(ours[1], own[1])
    assert set(vars(module)) == before and not {"timestep", "calculate_input"} & vars(sampling).keys()
