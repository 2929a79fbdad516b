"""A base directory that was moved: its runs have their files, whatever absolute paths their records hold."""

import shutil
from pathlib import Path

import run_folders
from athanor.training_core.history import marks, registry
from athanor.training_core.history.moved import Places


def test_a_run_of_a_moved_base_directory_has_its_files(tmp_path: Path):
    """It had none: checkpoints, stars and pictures were sought where they had been."""
    old, new = tmp_path / "old", tmp_path / "new"
    (old / "models" / "loras").mkdir(parents=True)
    folder = run_folders.write(old / "output" / "athanor" / "runs", old / "models" / "loras")
    shutil.move(old, new)
    after = registry.read(new / folder.relative_to(old))
    assert after and after.done and len(after.saved) == 3
    assert after.target == new / "models" / "loras" / "cat.safetensors"
    assert marks.stars(after.folder) == {str(after.target)}
    assert all(Path(row["path"]).is_file() for row in registry.dataset(after.folder))
    # Lengthened there, its log has paths of both places.
    registry.write_run(after)
    again = registry.read(after.folder)
    assert again and again.saved == after.saved


def test_paths_that_stay_as_they_are(tmp_path: Path):
    base = tmp_path / "base"
    (base / "models" / "loras").mkdir(parents=True)
    places = Places(base / "output" / "athanor" / "runs" / ("0" * 16))
    here = str(base / "models" / "loras" / "x.safetensors")
    assert (
        places.now("C:\\\\ComfyUI\\models\\loras\\x.safetensors")
        == places.now("/gone/models/loras/x.safetensors")
        == here
    )
    for path in (here, "x.safetensors", "", "/", "/gone/../models/loras/x", "/gone/other/x", "/models/loras/\0/x"):
        assert places.now(path) == path
