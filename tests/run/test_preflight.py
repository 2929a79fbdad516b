"""A look ahead: what it finds, and that it changes nothing."""

import copy
from types import SimpleNamespace

import pytest
import torch
from athanor.training_core.data.plan import Length
from athanor.training_core.settings import TrainingSettings
from stepping import Device, batches

pytestmark = pytest.mark.usefixtures("comfy")


def test_training_is_the_same_to_the_bit_after_a_trial():
    """Weights, optimizer, random state; dropout and a grad scaler included."""
    from athanor.training_core.run import trial

    results = []
    for tried in (False, True):
        device = Device(99)
        plain = device.predict
        device.predict = lambda noised, batch, plain=plain: torch.nn.functional.dropout(plain(noised, batch), 0.5)
        take = device.stepper(scaled=True)
        torch.manual_seed(5)
        if tried:
            before = torch.random.get_rng_state(), copy.deepcopy(device.layer.state_dict())
            seen = trial.trial(take, batches(4), torch.device("cpu"))
            assert seen.seconds > 0 and seen.peak == 0
            assert torch.equal(torch.random.get_rng_state(), before[0])
            assert all(torch.equal(v, before[1][k]) for k, v in device.layer.state_dict().items())
            assert all(p.grad is None for p in device.layer.parameters())
        outcomes = [take(step, 0.01, batches(3, 3)) for step in range(3)]
        results.append(([o.losses for o in outcomes], list(device.layer.parameters()), torch.rand(3)))
    for one, two in zip(*results, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(one, two, strict=True))


def test_no_room_is_found_out_and_forgotten():
    """The split of later steps is not decided by it."""
    from athanor.training_core.run import trial

    device = Device(2)
    take = device.stepper()
    assert trial.trial(take, batches(4), torch.device("cpu")) is None
    assert list(device.split.warnings()) == [] and all(p.grad is None for p in device.layer.parameters())


@pytest.mark.parametrize(
    ("settings", "count"),
    [
        ({}, 10),
        ({"save_every_n_epochs": 0}, 1),
        ({"save_every_n_epochs": 2}, 5),
        ({"save_last_n_epochs": 2}, 4),
        ({"save_every_n_epochs": 0, "save_every_n_steps": 20}, 6),
        ({"save_every_n_epochs": 0, "save_every_n_steps": 20, "save_last_n_steps": 40}, 5),
    ],
)
def test_files_at_one_time(settings, count):
    from athanor.training_core.run import preflight

    assert preflight.file_count(TrainingSettings(**settings), Length(100, 10, 10)) == count


def test_a_full_disk_is_one_sentence(tmp_path, monkeypatch):
    from athanor.training_core.run import preflight

    monkeypatch.setattr(preflight.shutil, "disk_usage", lambda path: SimpleNamespace(free=3 * 2**30))
    assert list(preflight.disk_space(tmp_path / "not" / "there", 2**30, 3)) == []
    (warning,) = preflight.disk_space(tmp_path / "not" / "there", 2**30, 4)
    assert warning.text.startswith(
        f"The run will write 4 files of 1.00 GB, 4.00 GB in all, and {tmp_path} has 3.00 GB free: "
    )
    assert "\n" not in warning.text


@pytest.mark.parametrize("linked", [True, False])
def test_copies_on_another_disk_need_room_as_well(tmp_path, monkeypatch, linked):
    """A worker whose output folder is a volume of its own."""
    import folder_paths
    from athanor.training_core.run import preflight
    from run_folders import job

    monkeypatch.setattr(folder_paths, "output_directory", str(tmp_path))
    monkeypatch.setattr(preflight.shutil, "disk_usage", lambda path: SimpleNamespace(free=3000))
    monkeypatch.setattr(preflight.results, "can_link", lambda *_: linked)
    layer = torch.nn.Linear(1, 1)
    target = SimpleNamespace(module=layer, tensors=lambda: {"a": torch.zeros(500)})
    run = SimpleNamespace(target=tmp_path / "x.safetensors", length=Length(1, 1, 1))
    found = [warning.text for warning in preflight.disk_warnings(job(), run, target)]
    assert len(found) == (not linked) and all("the newest file is copied there" in text for text in found)


@pytest.mark.parametrize(("patience", "free", "told"), [(3, 15, 1), (3, 16, 0), (0, 0, 0)])
def test_patience_needs_memory_for_a_second_network(tmp_path, monkeypatch, patience, free, told):
    """Of a fine-tuned model that is the model: its weights at the best step, and once more while the last file is written."""
    import folder_paths
    from athanor.training_core.run import preflight
    from run_folders import job

    monkeypatch.setattr(folder_paths, "output_directory", str(tmp_path))
    monkeypatch.setattr(preflight.devices, "free_memory_of_computer", lambda: free)
    target = SimpleNamespace(module=torch.nn.Linear(1, 1), tensors=lambda: {"a": torch.zeros(1)})
    run = SimpleNamespace(target=tmp_path / "x.safetensors", length=Length(1, 1, 1))
    asked = job()
    asked = asked.model_copy(update={"validation": asked.validation.model_copy(update={"patience": patience})})
    found = [warning.text for warning in preflight.disk_warnings(asked, run, target)]
    assert len(found) == told and all(text.startswith("patience keeps the weights") for text in found)
