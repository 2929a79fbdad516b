"""Where a run's files go: found out before anything is encoded."""

import pytest
from athanor.training_core.errors import AthanorError

pytestmark = pytest.mark.usefixtures("comfy")


def test_names_leave_room_for_those_of_single_steps(tmp_path):
    """The name alone would fit, that of its checkpoint at step 1000 in diffusers' names would not."""
    from athanor.training_core.run import target

    target._check_writable(tmp_path / "雪.safetensors")
    with pytest.raises(AthanorError, match="output_name is too long for the disk"):
        target._check_writable(tmp_path / f"{'x' * 210}.safetensors")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_takes_no_files_is_named(tmp_path):
    from athanor.training_core.run import target

    (tmp_path / "afile").write_text("in the way")
    with pytest.raises(AthanorError, match=r"output_name: nothing can be written to .*afile"):
        target._check_writable(tmp_path / "afile" / "x.safetensors")
