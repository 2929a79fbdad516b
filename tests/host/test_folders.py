"""Which folders a workflow reaches: what the owner has linked in, and nothing outside."""

import re
from pathlib import Path

import pytest
from athanor.training_core.errors import AthanorError

pytestmark = pytest.mark.usefixtures("comfy")


@pytest.fixture
def base(tmp_path: Path, monkeypatch) -> Path:
    """A base folder with a dataset and a LoRA folder of another drive linked into it."""
    import folder_paths

    for name in ("base/input/own", "base/loras", "drive/pictures/masks", "drive/loras", "drive/secret"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "base/input/linked").symlink_to(tmp_path / "drive/pictures")
    (tmp_path / "base/loras/linked").symlink_to(tmp_path / "drive/loras")
    monkeypatch.setattr(folder_paths, "input_directory", str(tmp_path / "base/input"))
    extensions = folder_paths.folder_names_and_paths["loras"][1]
    monkeypatch.setitem(folder_paths.folder_names_and_paths, "loras", ([str(tmp_path / "base/loras")], extensions))
    return tmp_path / "base"


def test_linked_folders_are_part_of_the_folder(base: Path):
    from athanor.training_core.host import folders

    linked = folders.dataset_folder("linked")
    assert linked == base / "input" / "linked"
    assert folders.dataset_folder("linked\\masks") == folders.mask_folder("masks", linked) == linked / "masks"
    assert folders.lora_path("linked/cat") == base / "loras" / "linked" / "cat.safetensors"
    assert folders.is_lora(base / "loras" / "linked" / "cat.safetensors")
    # The host's folder may itself be a link, and be named by the place that it leads to.
    assert folders.dataset_folder(str((base / "input" / "own").resolve())) == base / "input" / "own"


def test_nothing_outside_is_reached(base: Path):
    from athanor.training_core.host import folders

    for name in ("../loras", "linked/../../loras", str(base / "loras"), "..", "own/../.."):
        with pytest.raises(AthanorError, match="is outside ComfyUI's input and datasets folders"):
            folders.dataset_folder(name)
    for name in (
        "linked/../secret",
        "nothing",
        "n" * 300,
        "own\0",
    ):  # behind a link, .. leads back to the link's own folder
        with pytest.raises(AthanorError, match="is not in ComfyUI's input and datasets folders; "):
            folders.dataset_folder(name)
    for name in ("../cat", "linked/../../cat", str(base / "cat")):
        with pytest.raises(AthanorError, match="output_name"):
            folders.lora_path(name)
    assert not folders.is_lora(base / "input" / "cat.safetensors")


def test_folders_without_a_file_are_not_named_instead(tmp_path):
    """ComfyUI's own input/3d stood first among them."""
    from athanor.training_core.host.sub_folders import sub_folders

    for name in ("3d", "cats/10_cat", "plain", ".hidden", "empty/inner"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("cats/10_cat/a.png", "plain/b.png", ".hidden/c.png", "empty/.hidden"):
        (tmp_path / name).write_bytes(b"")
    assert list(sub_folders([tmp_path])) == ["cats", "cats/10_cat", "plain"]


def test_names_that_no_disk_takes():
    """Longer than 255 bytes with what comes behind, or with half a character: said where the name is typed."""
    from athanor.training_core.host import folders

    for name in ("a" * 201, "sub/" + "雪" * 70, "雪" * 300):
        with pytest.raises(AthanorError, match=r"output_name .* is too long for a file's name"):
            folders.lora_path(name)
    assert folders.lora_path("a" * 200).stem == "a" * 200
    with pytest.raises(AthanorError, match="has characters that file names cannot have"):
        folders.lora_path("a\ud800")


def test_names_that_fail_on_windows_and_endings_that_were_typed(base: Path):
    from athanor.training_core.host import folders

    for name, told in (
        ("sub/con", "'con' is a device"),
        ("cat.", "'cat.' does"),
        ("a /b", "'a ' does"),
        ("a:b", "characters"),
    ):
        with pytest.raises(AthanorError, match=f"^output_name '{name}' .*{told}"):
            folders.lora_path(name)
    cat = folders.lora_path("cat")
    assert (
        folders.lora_path("cat.safetensors")
        == folders.lora_path(" cat.SAFETENSORS ")
        == folders.beside(cat, "cat.safetensors")
        == cat
    )
    with pytest.raises(AthanorError, match="give the LoRA a name"):
        folders.lora_path("sub/.safetensors")
    with pytest.raises(AthanorError, match=r"^name 'nul' cannot be saved on Windows"):
        folders.beside(cat, "nul")


def test_a_name_that_a_run_has_stays_in_use(base: Path, monkeypatch):
    """Runs from before such names were refused go on."""
    import folder_paths
    from athanor.nodes.train import AthanorTrainLoRA
    from athanor.training_core.files import write_json
    from athanor.training_core.host import folders

    monkeypatch.setattr(folder_paths, "output_directory", str(base))
    assert "is a device" in str(AthanorTrainLoRA.validate_inputs("nul"))
    folder = folders.run_folder("0" * 16)
    run = {
        "run_id": folder.name,
        "line_id": "1",
        "output_name": "nul",
        "target": str(base / "loras/nul.safetensors"),
        "steps": 1,
    }
    write_json(folder / "run.json", run)
    assert AthanorTrainLoRA.validate_inputs("nul") is True


def test_names_of_comparisons_that_no_disk_takes(base: Path, monkeypatch):
    import folder_paths
    from athanor.training_core.compare.grid_files import open_comparison

    monkeypatch.setattr(folder_paths, "output_directory", str(base))
    for name in ("a" * 300, "a\0", "", "x" * 100_000):
        with pytest.raises(AthanorError, match="is not a comparison; there are none yet") as found:
            open_comparison(name)
        assert len(str(found.value)) < 300


def test_lora_names_from_windows_and_misspelt_ones(base: Path):
    """network_weights refused style\\foo, and its sentence knew no nearest name."""
    from athanor.training_core.host import folders

    (base / "loras" / "style").mkdir()
    for name in ("style/foo", "[v2] cat"):
        (base / "loras" / f"{name}.safetensors").touch()
    for name in ("style\\foo", "style\\foo.safetensors", "style/foo"):
        assert folders.existing_lora(name, "network_weights") == base / "loras" / "style" / "foo.safetensors"
    assert folders.existing_lora("[v2] cat").name == "[v2] cat.safetensors"
    with pytest.raises(AthanorError, match=r"^network_weights 'style\\fou' is not in .*; the nearest: style/foo.safe"):
        folders.existing_lora("style\\fou", "network_weights")


def test_where_control_pictures_are_looked_up(base: Path):
    from athanor.training_core.host import dataset_places

    for name in ("pairs/edited/inner", "pairs/before", "before", "elsewhere", "edited"):
        (base / "input" / name).mkdir(parents=True)
    edited = base / "input" / "pairs" / "edited"
    found = {name: dataset_places.control_folder(name, edited) for name in ("", "inner", "before", "elsewhere")}
    inside, beside, like_folder = edited / "inner", base / "input" / "pairs" / "before", base / "input" / "elsewhere"
    assert found == {"": None, "inner": inside, "before": beside, "elsewhere": like_folder}
    assert dataset_places.dataset_places("pairs/edited", "", "before").controls == beside
    assert dataset_places.control_folder("pairs", edited) == edited.parent


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("../../..", "control_folder '../../..' is outside ComfyUI's input and datasets folders"),
        ("beforre", "control_folder 'beforre' is not in ComfyUI's input and datasets folders"),
        (".", "control_folder '.' is the folder of the pictures themselves"),
        ("own", "control_folder 'own' is the folder of the pictures themselves"),
        ("../secret", "control_folder '../secret' is outside ComfyUI's input and datasets folders"),
    ],
)
def test_control_folders_that_are_none(base: Path, name: str, sentence: str):
    from athanor.training_core.errors import AthanorError
    from athanor.training_core.host import dataset_places

    with pytest.raises(AthanorError, match=re.escape(sentence)):
        dataset_places.control_folder(name, base / "input" / "own")
