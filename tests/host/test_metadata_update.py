"""Second names of a run's files follow when what the files tell is written anew."""

from pathlib import Path

import pytest
import run_folders
import torch
from athanor.training_core.data.dataset import Dataset
from athanor.training_core.data.plan import Buckets
from athanor.training_core.files import safetensors_metadata
from athanor.training_core.history.events import Saved
from athanor.training_core.history.log import RunLog
from athanor.training_core.history.run_files import second_name
from athanor.training_core.network.files import save_lora
from athanor.training_core.resume.metadata_rewrite import Wanted


def test_second_names_tell_no_more_than_the_files(comfy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Those of a longer run, too, which has taken the file over. Two dots in a row are written otherwise in them."""
    from athanor.training_core.host import folders
    from athanor.training_core.run import metadata_update

    monkeypatch.setattr(folders, "cache_folder", lambda: tmp_path / "user" / "cache")
    path = tmp_path / "loras" / "cat..v2-000003.safetensors"
    job = run_folders.job(metadata="minimal")
    told = {"athanor_run_id": job.run_id, "prompt": "{}"}
    hash_ = save_lora(path, {"a": torch.ones(3)}, told)

    def run(epochs: int) -> Path:
        """A run that differs in its length alone and has saved the file; return the file's name in the run's folder."""
        own = job.model_copy(update={"training": job.training.model_copy(update={"epochs": epochs})})
        folder, buckets = (
            tmp_path / "runs" / own.run_id,
            Buckets(dataset=Dataset(job.datasets, ()), settings=job.buckets, entries=()),
        )
        log = RunLog(folder, own, buckets, path.with_name("cat..v2.safetensors"), epochs)
        log.add(Saved(path=path, step=3, epoch=3, hash=hash_, kind="epoch"))
        return second_name(path, folder)

    own, longer, other = run(3), run(6), run(9)
    assert own.samefile(path) and longer.samefile(path)
    other.unlink()
    save_lora(other, {"a": torch.zeros(3)}, told)  # of this name before the file came
    before = other.read_bytes()
    wanted = Wanted(job=job, choice="minimal", graph={}, copies=tmp_path / "copies")
    assert metadata_update.rewrite(own.parents[1], wanted).written == [path] and "prompt" not in safetensors_metadata(
        path
    )
    assert own.samefile(path) and longer.samefile(path) and other.read_bytes() == before
