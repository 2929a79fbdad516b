import contextlib
from pathlib import Path

import torch
from athanor.training_core.history.run_files import (
    alone,
    files_of,
    free_path,
    is_companion,
    is_whole,
    run_id_of,
    with_companions,
    without_copies,
)
from athanor.training_core.network.files import save_lora


def write(path: Path, run_id: str) -> Path:
    save_lora(path, {"a": torch.zeros(1)}, {"athanor_run_id": run_id})
    return path


def test_free_path(tmp_path: Path):
    path = tmp_path / "x.safetensors"
    assert free_path(path, {"me"}, False) == path
    write(path, "me")
    write(tmp_path / "x-000001.safetensors", "me")
    assert free_path(path, {"me"}, False) == path
    assert free_path(path, {"you"}, False) == tmp_path / "x_2.safetensors"
    write(tmp_path / "x_2-step00000010.safetensors", "you")
    assert free_path(path, {"you"}, False) == tmp_path / "x_2.safetensors"
    assert free_path(path, {"third"}, False) == tmp_path / "x_3.safetensors"
    assert free_path(path, {"you"}, True) == path


def test_a_name_is_taken_by_a_copy_alone(tmp_path: Path):
    """The LoRA was deleted, its copy in diffusers' names was not: another run does not replace that."""
    path, copies = tmp_path / "x.safetensors", tmp_path / "copies"
    write(copies / "x-000002-diffusers.safetensors", "you")
    assert free_path(path, {"me"}, False, copies) == tmp_path / "x_2.safetensors"
    assert free_path(path, {"you"}, False, copies) == path


def test_copies_beside_their_originals_are_no_loras_of_their_own():
    """Older versions wrote them there. One without its original is a LoRA as any other."""
    listed = [
        "cat-diffusers.safetensors",
        "cat.safetensors",
        "a/cat-diffusers.safetensors",
        "dog-diffusers.safetensors",
    ]
    assert without_copies(listed) == [listed[1], listed[2], listed[3]]


def test_files_without_our_metadata_are_not_ours(tmp_path: Path):
    path = tmp_path / "x.safetensors"
    path.write_bytes(b"broken")
    assert free_path(path, {"me"}, False) == tmp_path / "x_2.safetensors"


def test_files_of(tmp_path: Path):
    ours = {"x", "x-000002", "x-step00000003", "x-diffusers", "x-000002-diffusers"}
    for name in (*ours, "xy", "x-final", "x_2", "x-final-diffusers"):
        write(tmp_path / f"{name}.safetensors", "me")
    assert {p.stem for p in files_of(tmp_path / "x.safetensors")} == ours
    assert {p.stem for p in files_of(tmp_path / "x-diffusers.safetensors")} == {"x-diffusers"}


def test_what_lora_edit_makes_of_a_runs_file_is_no_file_of_the_run(tmp_path: Path):
    """It tells its original's run, and as x-2 it had been epoch 2 of x, and written over by the next training."""
    path = tmp_path / "x-2.safetensors"
    save_lora(path, {"a": torch.ones(2)}, {"athanor_run_id": "me", "athanor_edit": '{"from": []}'})
    assert files_of(tmp_path / "x.safetensors") == [path] and run_id_of(path) is None


def test_a_file_is_whole_or_not(tmp_path: Path):
    path = write(tmp_path / "x.safetensors", "me")
    data = path.read_bytes()
    assert is_whole(path) and run_id_of(path) == "me"
    start = 8 + int.from_bytes(data[:8], "little")
    cut = [data[:-1], data[:start], data[: start - 1], data[:8], data[:3], b"", data + b"x", b"not safetensors"]
    for content in cut:
        path.write_bytes(content)
        assert not is_whole(path), content
        assert run_id_of(path) is None
    path.write_bytes(data)
    assert is_whole(path)  # what was remembered of the cut file does not count
    path.unlink()
    assert not is_whole(path)
    save_lora(path, {}, {"athanor_run_id": "me"})
    assert not is_whole(path)  # no tensor in it


def test_copies_are_told_from_checkpoints():
    assert [is_companion(Path(f"{name}.safetensors")) for name in ("x-ema", "x-000002-diffusers", "x-000002", "ema")] == [
        True, True, False, False
    ]  # fmt: skip


def test_writing_is_all_or_nothing(tmp_path: Path):
    path = write(tmp_path / "x.safetensors", "me")
    before = path.read_bytes()

    class Broken(dict):
        def items(self):
            raise OSError("disk full")

    with contextlib.suppress(OSError):
        save_lora(path, {"a": torch.zeros(1)}, Broken())
    assert path.read_bytes() == before and [p.name for p in tmp_path.iterdir()] == ["x.safetensors"]


def test_companions_of_files_that_are_no_more(tmp_path: Path):
    """A run that was killed while it removed an old epoch left its running mean for ever: the file itself goes last now."""
    loras, copies = tmp_path / "loras", tmp_path / "copies"
    for name in ("x-000001-ema", "x-000002", "x-000002-ema", "x-000003-diffusers"):
        write(loras / f"{name}.safetensors", "me")
    write(loras / "x-000004-ema.safetensors", "you")
    write(copies / "x-000001-diffusers.safetensors", "me")
    write(copies / "x-000002-diffusers.safetensors", "me")
    found = {path.name for path in alone(loras / "x.safetensors", "me", copies)}
    assert found == {f"{name}.safetensors" for name in ("x-000001-ema", "x-000003-diffusers", "x-000001-diffusers")}
    assert with_companions(loras / "x-000002.safetensors", copies, tmp_path)[-1] == loras / "x-000002.safetensors"


def test_a_run_that_is_called_ema_is_no_running_mean_of_itself(tmp_path: Path):
    target = write(tmp_path / "cat-ema.safetensors", "me")
    mean = write(tmp_path / "cat-ema-000002-ema.safetensors", "me")
    assert alone(target, "me", tmp_path / "copies") == [mean]
