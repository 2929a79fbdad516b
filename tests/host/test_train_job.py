"""The job that the inputs of Train LoRA describe."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
import routes
import run_folders
from athanor.training_core.settings import BucketSettings, ValidationSettings


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ("cat", "cat"),
        ("cat.safetensors", "cat"),
        (" sub/cat.SAFETENSORS ", "sub/cat"),
        (".safetensors", ".safetensors"),
    ],
)
def test_a_name_and_its_file_are_one_run(comfy, tmp_path, monkeypatch, asked, name):
    """`cat` and `cat.safetensors` were two runs: trained twice, the second as cat_2. Ids of runs that are there stay."""
    from athanor.nodes import train_job
    from athanor.training_core.history import registry
    from athanor.training_core.host import folders

    routes.comfyui_folders(tmp_path, monkeypatch)
    dataset = SimpleNamespace(subsets=run_folders.job().datasets, fingerprint="d")
    buckets = cast(Any, SimpleNamespace(dataset=dataset, settings=BucketSettings()))

    def job(typed: str) -> Any:
        return train_job.job_of({"output_name": typed}, buckets, ValidationSettings(), "m", 1)

    made = job(asked)
    assert made.training.output_name == name and made.run_id == job(name).run_id
    said = train_job.said_of_the_name({"output_name": asked}, made)
    typed = asked.strip()
    wanted = f"output_name '{typed}' is taken as '{name}': the file gets its ending by itself."
    assert said == ([] if typed == name else [wanted])
    if asked == "cat.safetensors":
        old = run_folders.job(asked)
        known = SimpleNamespace(run_id=old.run_id)
        monkeypatch.setattr(
            registry, "summaries", lambda root, **wanted: [known] if wanted["output_name"] == asked else []
        )
        assert folders.runs_folder() and job(asked).training.output_name == asked


@pytest.mark.parametrize("asked", ["cat", None])
def test_a_deleted_run_is_not_given_again(comfy, tmp_path, monkeypatch, asked):
    """Run, delete in the sidebar, Run: ComfyUI took its cached results, and trained nothing. The node notes what it gives."""
    from athanor.nodes import cached_runs, train
    from athanor.training_core.host import folders

    routes.comfyui_folders(tmp_path, monkeypatch)
    monkeypatch.setattr(train, "cached_runs", cached_runs.CachedRuns())

    def told() -> str:
        return train.AthanorTrainLoRA.fingerprint_inputs(output_name=asked)

    before = told()
    folder = run_folders.write(folders.runs_folder(), folders.lora_folder())
    train.cached_runs.add("cat", folder.name)
    kept = told()
    assert kept == told()
    folder.rename(tmp_path / "away")
    after = told()
    assert after not in (before, kept) and after == told()
    (tmp_path / "away").rename(folder)
    assert told() not in (before, after, kept) or asked is None
    train.cached_runs.add("cat", folder.name)
    folder.rename(tmp_path / "away")
    assert told() not in (before, after, kept)
