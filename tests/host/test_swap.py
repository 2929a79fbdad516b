"""Blocks whose weights lie in main memory: the same training, few weights on the device at a time."""

import pytest
import torch
from family_cases import CASES, load, samples
from one_step import step, training

pytestmark = pytest.mark.usefixtures("comfy")

NETWORKS = {
    "lora": {},
    "locon": {"algo": "locon", "preset": "full", "conv_rank": 2},
    "loha": {"algo": "loha"},
    "lokr": {"algo": "lokr", "preset": "full", "train_norm": True},
}


def network(name):
    from athanor.training_core.settings import NetworkSettings

    return NetworkSettings(**{"rank": 2, "alpha": 2.0} | NETWORKS[name])


@pytest.mark.parametrize("how", ["off", "all"])
@pytest.mark.parametrize(
    ("name", "blocks", "algo"),
    [
        ("sd15", 3, "lora"),
        # SDXL's blocks are SD1.5's and more of them; locon's layers are swapped as sd3's loha.
        pytest.param("sdxl", 5, "locon", marks=pytest.mark.long),
        pytest.param("sdxl", 9, "lora", marks=pytest.mark.long),
        ("sd3", 2, "loha"),
        ("sd3", 1, "lokr"),
        ("flux_dev", 3, "lora"),
    ],
)
def test_swapping_changes_nothing(name, blocks, algo, how):
    """Loss and gradients stay; afterwards the very same parameters are in their places."""
    model, steps = load(name), []
    before, attributes = (
        dict(model.model.named_parameters()),
        {n: set(m.__dict__) for n, m in model.model.named_modules()},
    )
    for count in (0, blocks):
        with training(model, network(algo), gradient_checkpointing=how, blocks_to_swap=count) as (host_model, made):
            steps.append(step(host_model, made, *samples(CASES[name])))
            again = step(host_model, made, *samples(CASES[name]))
            assert again.loss == steps[-1].loss and again.differs_from(steps[-1]) < 1e-6
    assert steps[0].differs_from(steps[1]) < 1e-5
    after = dict(model.model.named_parameters())
    assert after.keys() == before.keys() and all(after[n] is p for n, p in before.items())
    assert {n: set(m.__dict__) for n, m in model.model.named_modules()} == attributes


def test_two_blocks_at_most_are_on_the_device():
    """In use and next; in a forward and backward, each block comes twice, but for those at the turn."""
    from athanor.training_core import families
    from athanor.training_core.host import swap

    torch.manual_seed(0)
    module = load("flux_dev").model.diffusion_model.requires_grad_(False)
    blocks = [m for m in module.modules() if families.is_one_of(m, families.BLOCKS)]
    sizes = [
        sum(p.numel() * p.element_size() for child in block.modules() if isinstance(child, torch.nn.Linear) for p in child.parameters())
        for block in blocks
    ]  # fmt: skip
    with swap.swapped(module, 4, torch.device("cpu")) as swapped:
        assert not any(c.weight.numel() for b in blocks for c in b.modules() if isinstance(c, torch.nn.Linear))
        touched = [*range(4), *reversed(range(4))] * 2
        for i in touched:
            layer = next(c for c in blocks[i].modules() if isinstance(c, torch.nn.Linear))
            assert torch.equal(swapped.fetch(i, layer)["weight"], swap.parameters(layer)["weight"])
            assert 0 < swapped.resident <= 2 * max(sizes)
        assert swapped.copied == sum(sizes) + sizes[1] + sizes[0] + sizes[2] + sizes[3] + sizes[1] + sizes[0]
    assert all(c.weight.numel() for b in blocks for c in b.modules() if isinstance(c, torch.nn.Linear))


def test_spread_evenly_over_the_blocks():
    from athanor.training_core.host import swap

    module = load("sdxl").model.diffusion_model
    blocks = [m for m in module.modules() if type(m).__name__ == "BasicTransformerBlock"]
    assert [blocks.index(b) for b in swap._chosen(module, 3)] == [1, 4, 7]
    assert swap._chosen(module, 9) == blocks


def test_more_blocks_than_there_are():
    from athanor.training_core.errors import AthanorError

    model, words = load("sdxl"), "blocks_to_swap is 10: the model has 9 transformer blocks"
    with pytest.raises(AthanorError, match=words), training(model, blocks_to_swap=10):
        pass


def test_a_lora_of_the_graph_stays_on_its_layers():
    """What the host patches as it loads the model is not swapped, and is in the result."""
    model = load("sd3")
    key = next(k for k in model.model.state_dict() if k.endswith("mlp.fc1.weight"))
    patched = model.clone()
    with torch.inference_mode():
        patched.add_patches({key: (0.5 * torch.ones_like(model.model.state_dict()[key]),)}, 1.0)
    steps = []
    for one, count in ((model, 2), (patched, 0), (patched, 2)):
        with training(one, blocks_to_swap=count) as (host_model, made):
            steps.append(step(host_model, made, *samples(CASES["sd3"])))
    assert steps[1].differs_from(steps[2]) < 1e-5 < steps[0].differs_from(steps[1])


def test_the_check_of_a_file_finds_the_weights():
    from athanor.training_core.host import detection, selfcheck
    from athanor.training_core.network import files, portable

    model = load("sdxl")
    with training(model, network("locon"), blocks_to_swap=9) as (host_model, made):
        check = selfcheck.Check(host_model.patcher.model)
        names = detection.file_names(model, detection.detect(model))
        verdict = check(made, files.tensors_for_file(portable.state(made), "float", names))
    assert not verdict.unmatched and verdict.deviation < 1e-3


def test_algorithms_that_need_the_weights_are_refused():
    from athanor.training_core.errors import AthanorError
    from athanor.training_core.run import checks
    from athanor.training_core.settings import BucketSettings, DatasetSettings, Job, NetworkSettings, TrainingSettings

    def job(**values):
        return Job(
            datasets=(DatasetSettings(folder="a"),), buckets=BucketSettings(), dataset_fingerprint="", model_fingerprint="",
            network=NetworkSettings(**values), training=TrainingSettings(blocks_to_swap=1),
        )  # fmt: skip

    checks.check_swap(job(algo="lokr"))
    for values, name in (
        ({"dora": True}, "dora"),
        ({"algo": "full"}, "algo full"),
        ({"algo": "finetune"}, "algo finetune"),
    ):
        with pytest.raises(AthanorError, match=f"blocks_to_swap does not work with {name}"):
            checks.check_swap(job(**values))


def test_weights_are_pinned_where_they_lie(monkeypatch):
    """By the host, without a copy, and given back; not small ones, and a copy of those that a file is mapped to."""
    import comfy.model_management as mm
    from athanor.training_core.host import swap

    pinned, given_back = [], []
    monkeypatch.setattr(mm, "pin_memory", lambda value: pinned.append(value.data_ptr()) or True)
    monkeypatch.setattr(mm, "unpin_memory", lambda value: given_back.append(value.data_ptr()) or True)
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: None)
    plain, mapped = (torch.nn.Linear(256, 256).requires_grad_(False) for _ in range(2))
    mapped.weight.untyped_storage()._comfy_tensor_file_slice = object()
    own = [dict(layer._parameters) for layer in (plain, mapped)]
    away = swap._Away(pin=True)
    for layer in (plain, mapped):
        away.send(layer)
    homes = [swap.parameters(layer)["weight"] for layer in (plain, mapped)]
    assert pinned == [home.data_ptr() for home in homes]
    assert homes[0].data_ptr() == own[0]["weight"].data_ptr() and homes[1].data_ptr() != own[1]["weight"].data_ptr()
    assert all(torch.equal(home, values["weight"]) for home, values in zip(homes, own, strict=True))
    away.bring_back()
    assert given_back == pinned
    assert all(
        layer._parameters[n] is p for layer, values in zip((plain, mapped), own, strict=True) for n, p in values.items()
    )
