"""What saved files tell is changed in their headers alone, for files of a run, of the one it continues, and of older versions."""

import json
from pathlib import Path

import pytest
import torch
from athanor.training_core.data.dataset import Dataset
from athanor.training_core.data.plan import Buckets
from athanor.training_core.files import read_safetensors, safetensors_metadata
from athanor.training_core.history import registry
from athanor.training_core.history.events import Saved
from athanor.training_core.history.log import RunLog
from athanor.training_core.network.files import save_lora
from athanor.training_core.resume import metadata_rewrite
from athanor.training_core.safetensors_copy import write_with_metadata
from athanor.training_core.settings import BucketSettings, DatasetSettings, Job, TrainingSettings

GRAPH = {"prompt": {"1": {"class_type": "AthanorTrainLoRA", "inputs": {"output_name": "cat"}}}}
FIELDS = {"ss_learning_rate": "1e-4", "ss_output_name": "cat", "ss_new_sd_model_hash": "ab"}


def job(epochs: int = 1, **training) -> Job:
    return Job(
        datasets=(DatasetSettings(folder="cats"),), buckets=BucketSettings(), dataset_fingerprint="d", model_fingerprint="m",
        training=TrainingSettings(output_name="cat", epochs=epochs, **training),
    )  # fmt: skip


def wanted(asked: Job, root: Path, choice: str = "") -> metadata_rewrite.Wanted:
    return metadata_rewrite.Wanted(
        job=asked, choice=choice or asked.training.metadata, graph=GRAPH, copies=root / "copies"
    )


def run(root: Path, asked: Job, *files: tuple[Path, int], noted: bool = True) -> Path:
    """A run that has saved these files after these epochs, each with all metadata; those that are there are another run's."""
    folder = root / "runs" / asked.run_id
    log = RunLog(
        folder,
        asked,
        Buckets(dataset=Dataset(asked.datasets, ()), settings=asked.buckets, entries=()),
        root / "cat.safetensors",
        9,
    )
    if noted:
        metadata_rewrite.note(folder, wanted(asked, root), FIELDS | {"athanor_job": asked.model_dump()})
    for path, epoch in files:
        if not path.is_file():
            told = {"athanor_run_id": asked.run_id, "athanor_job": asked.model_dump(), "ss_epoch": str(epoch)}
            for each in (path, path.with_name(f"{path.stem}-ema.safetensors")):
                save_lora(each, {"a": torch.full((3,), epoch)}, FIELDS | told | GRAPH)
        log.add(
            Saved(path=path, step=epoch, epoch=epoch, hash=safetensors_metadata(path)["sshs_model_hash"], kind="epoch")
        )
    return folder


def rewritten(folder: Path, what: metadata_rewrite.Wanted) -> metadata_rewrite.Rewritten:
    record = registry.read(folder)
    assert record is not None
    return metadata_rewrite.rewrite(record, what, lambda path, metadata: write_with_metadata(path, path, metadata))


def test_files_of_the_run_it_continues_follow(tmp_path: Path):
    """They keep their own run's id; what they lose is in its folder, so that it comes back from there."""
    first, last = tmp_path / "cat-000001.safetensors", tmp_path / "cat.safetensors"
    short, long = job(1), job(2, metadata="minimal", metadata_author="J")
    own = run(tmp_path, short, (first, 1))
    before = read_safetensors(first)
    folder = run(tmp_path, long, (first, 1), (last, 2))
    metadata_rewrite.note(
        folder, wanted(job(2), tmp_path), FIELDS | {"athanor_job": long.model_dump()}
    )  # it was trained with all
    result = rewritten(folder, wanted(long, tmp_path))
    assert len(result.written) == 4 and not result.lacking, "two files and their running means"
    for path, number in ((first, short.run_id), (last, long.run_id)):
        told = safetensors_metadata(path)
        assert told["athanor_run_id"] == number and told["modelspec.author"] == "J" and "prompt" not in told
        assert "ss_learning_rate" not in told and "athanor_job" not in told
    assert not rewritten(folder, wanted(long, tmp_path)).written
    assert not rewritten(own, wanted(long, tmp_path)).written, "the shorter run knows it, too"
    again = rewritten(folder, wanted(job(2), tmp_path))
    assert len(again.written) == 4 and not again.lacking
    tensors, told = read_safetensors(first)
    assert torch.equal(tensors["a"], before[0]["a"]) and told.items() >= (FIELDS | {"ss_epoch": "1"}).items()
    assert told["prompt"] == json.dumps(GRAPH["prompt"]) and json.loads(told["athanor_job"])["training"]["epochs"] == 1


def test_a_run_of_an_older_version(tmp_path: Path):
    """Its files stay as they are while nothing else is asked for; then its folder keeps what they lose."""
    path = tmp_path / "cat.safetensors"
    folder = run(tmp_path, job(), (path, 1), noted=False)
    before = path.read_bytes()
    assert not rewritten(folder, wanted(job(), tmp_path)).written and path.read_bytes() == before
    assert rewritten(folder, wanted(job(metadata="minimal"), tmp_path)).written
    assert rewritten(folder, wanted(job(metadata="recipe"), tmp_path)).lacking == []
    assert safetensors_metadata(path)["ss_learning_rate"] == "1e-4" and "prompt" not in safetensors_metadata(path)
    (folder / "metadata.json").write_text("[]")
    rewritten(folder, wanted(job(metadata="minimal"), tmp_path))
    (folder / "metadata.json").unlink()
    assert path in rewritten(folder, wanted(job(metadata="recipe"), tmp_path)).lacking


@pytest.mark.parametrize("told", [{"athanor_run_id": "../../x"}, {"athanor_run_id": "0" * 16}, {}])
def test_a_file_that_another_has_written_since_stays(tmp_path: Path, told):
    path = tmp_path / "cat.safetensors"
    folder = run(tmp_path, job(), (path, 1))
    save_lora(path, {"a": torch.zeros(9)}, told | {"prompt": "theirs"})
    before = path.read_bytes()
    assert not rewritten(folder, wanted(job(metadata="minimal"), tmp_path)).written and path.read_bytes() == before


def test_a_server_without_metadata_takes_nothing_out_that_was_wished_for(tmp_path: Path):
    """Started with --disable-metadata it writes recipes; files that are there change only where the wish does."""
    path = tmp_path / "cat.safetensors"
    folder = run(tmp_path, job(), (path, 1))
    assert not rewritten(folder, wanted(job(), tmp_path, "recipe")).written and "prompt" in safetensors_metadata(path)
    assert rewritten(folder, wanted(job(metadata_author="J"), tmp_path, "recipe")).written
    assert "prompt" not in safetensors_metadata(path)
    assert rewritten(folder, wanted(job(metadata_author="J"), tmp_path)).written and "prompt" in safetensors_metadata(
        path
    )
