"""Where the host keeps pictures, LoRA files and outputs. Paths from a workflow never leave these folders."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import folder_paths

from .. import file_names
from ..errors import AthanorError, quoted
from ..names import alike, nearest
from .sub_folders import sub_folders

_LONGEST = 200
"""Bytes of a LoRA's name: file systems take 255, and -step00000100-ema.safetensors and a temporary ending come behind it."""


def below(root: Path, name: str | Path) -> Path | None:
    """Return the place that a name means below a folder, or None if it leads out of it, as '..' may.

    Links lead out only for those who cannot make them: a folder that the owner has linked into `root` is part of it. A `..`
    behind a link goes back to where the link is, so that no link is a way up.
    """
    path = Path(os.path.abspath(root / str(name).strip().replace("\\", "/")))
    if path.is_relative_to(os.path.abspath(root)):
        return path
    return path if folder_paths.is_within_directory(str(root), str(path)) else None


def is_lora(path: Path) -> bool:
    """Whether a path lies in one of the loras folders, or in a folder that is linked into one."""
    return any(below(Path(root), path) for root in folder_paths.get_folder_paths("loras"))


def dataset_roots() -> list[Path]:
    """Return where the folders of pictures lie: ComfyUI's input folder, and the folders named under `datasets`."""
    return [input_folder(), *map(Path, folder_paths.get_folder_paths("datasets"))]


def is_dataset(name: str) -> bool:
    """Whether a Dataset Loader finds a folder of that name."""
    try:
        return bool(dataset_folder(name))
    except AthanorError:
        return False


def near(name: str) -> list[str]:
    """Return up to 3 folders whose names look most like one that is not there."""
    return alike(name.replace("\\", "/").rstrip("/").rpartition("/")[2], list(sub_folders(dataset_roots())))


def dataset_folder(name: str) -> Path:
    """Return the folder a workflow means: below ComfyUI's input folder or one of its `datasets` folders.

    Raises:
        AthanorError: it is empty, missing, no folder, or outside.
    """
    if not name.strip():
        raise AthanorError(
            "folder names no folder yet: choose one, upload pictures, or type the name of one in ComfyUI's input or datasets folder."
        )
    shown = quoted(name, 100)
    roots = dataset_roots()
    outside = False
    for root in roots:
        path = below(root, name)
        if path is None:
            outside = True
        elif os.path.isdir(path):  # noqa: PTH112 (Path.is_dir raises for a name that is too long)
            return path
        elif os.path.exists(path):  # noqa: PTH110
            raise AthanorError(f"folder {shown} is a file: give the folder that holds the pictures.")
    wanted = name.replace("\\", "/").rstrip("/").rpartition("/")[2]
    instead = nearest(wanted, list(sub_folders(roots)))
    if outside:
        raise AthanorError(
            f"folder {shown} is outside ComfyUI's input and datasets folders: move it there, or name its parent under "
            f"'datasets:' in extra_model_paths.yaml. In these folders {instead}."
        )
    raise AthanorError(f"folder {shown} is not in ComfyUI's input and datasets folders; {instead}.")


def collected_folder() -> Path:
    """Return where pictures out of a graph are stored: input/athanor, where a Dataset Loader finds them, too."""
    return Path(folder_paths.get_input_directory()) / "athanor"


def lora_folder() -> Path:
    """Return where LoRA files are written: the host's first loras folder."""
    return Path(folder_paths.get_folder_paths("loras")[0])


def checkpoint_folder() -> Path:
    """Return where whole models with their text encoders and VAE are written: the host's first checkpoints folder."""
    return Path(folder_paths.get_folder_paths("checkpoints")[0])


def model_folders() -> list[Path]:
    """Return where fine-tuned models are written: with text encoders and VAE, and alone."""
    return [checkpoint_folder(), Path(folder_paths.get_folder_paths("diffusion_models")[0])]


def lora_path(name: str) -> Path:
    """Return the file of LoRA `name` ('/' for sub-folders; its ending counts as left out) in the loras folder.

    Raises:
        AthanorError: the name is empty, is none on some system, or leads out of the folder.
    """
    return _file(lora_folder(), name)


def model_path(name: str, alone: bool) -> Path:
    """Return the same for a fine-tuned model, in the checkpoints or (`alone`) the diffusion_models folder."""
    return _file(model_folders()[alone], name)


def _file(root: Path, name: str, field: str = "output_name") -> Path:
    name = file_names.plain(name.replace("\\", "/"))
    parts = name.split("/")
    if not name or not parts[-1] or parts[-1].startswith("."):
        raise AthanorError(f"{field} is {quoted(name)}: give the LoRA a name, such as my_lora.")
    if any(len(part.encode("utf-8", "replace")) > _LONGEST for part in parts):
        raise AthanorError(f"{field} {quoted(name)} is too long for a file's name: use a shorter one.")
    if trouble := file_names.trouble(name):
        raise AthanorError(f"{field} {quoted(name)} {trouble}.")
    path = None if Path(name).is_absolute() or ".." in parts else below(root, f"{name}.safetensors")
    if path is None:
        raise AthanorError(f"{field} {quoted(name)} is outside the {root.name} folder: use a plain name, or sub/name.")
    return path


def beside(path: Path, name: str) -> Path:
    """Return the file of another name in the folder of LoRAs or models that a saved file lies in.

    Raises:
        AthanorError: as `lora_path`; or the file lies in none of them.
    """
    for root in [*map(Path, folder_paths.get_folder_paths("loras")), *model_folders()]:
        if path.is_relative_to(root):
            return _file(root, name, "name")
    raise AthanorError(f"{path.name} is not in a loras folder.")


def lora_name(path: Path) -> str:
    """Return the name under which the host lists a file of a loras folder, or of the folders of models.

    Raises:
        AthanorError: it lies in none of them.
    """
    for root in [*map(Path, folder_paths.get_folder_paths("loras")), *model_folders()]:
        if path.is_relative_to(root):
            return str(path.relative_to(root))
    raise AthanorError(f"{path.name} is not in a loras folder.")


def diffusers_folder(path: Path) -> Path:
    """Return where the copy in diffusers' names of a saved LoRA lies: output/athanor/diffusers, and the LoRA's own sub-folder.

    That is no folder of LoRAs: the host's loader would list the copy, and apply to a U-Net only part of it.
    """
    roots = map(Path, folder_paths.get_folder_paths("loras"))
    sub = next((path.parent.relative_to(root) for root in roots if path.is_relative_to(root)), Path())
    return output_folder() / "athanor" / "diffusers" / (Path() if ".." in sub.parts else sub)


def is_listed(path: Path) -> bool:
    """Return whether a file lies in a loras folder or a folder of models, so that the host lists it."""
    try:
        return bool(lora_name(path)) and ".." not in path.parts
    except AthanorError:
        return False


def lora_names() -> list[str]:
    """Return all LoRA files, as the host lists them."""
    return folder_paths.get_filename_list("loras")


def existing_lora(name: str, field: str = "lora_name") -> Path:
    """Return the file of a LoRA that the host lists.

    Args:
        name: with its folder, with or without its ending.
        field: where the user has written it.

    Raises:
        AthanorError: there is none of that name.
    """
    plain = name.replace("\\", "/")  # for names from Windows
    for spelt in (name, f"{name}.safetensors", plain, f"{plain}.safetensors"):
        if path := folder_paths.get_full_path("loras", spelt):
            return Path(path)
    raise AthanorError(f"{field} {quoted(name)} is not in the loras folders; {nearest(name, lora_names())}.")


def trained_file(name: str) -> tuple[str, Path]:
    """Return what a run has written under a name: "loras", "checkpoints" or "diffusion_models" (a fine-tune), and the file.

    Raises:
        AthanorError: there is none of that name.
    """
    for kind in ("checkpoints", "diffusion_models"):
        path = None if folder_paths.get_full_path("loras", name) else folder_paths.get_full_path(kind, name)
        if path:
            return kind, Path(path)
    return "loras", existing_lora(name)


def output_folder() -> Path:
    """Return ComfyUI's output folder: what lies below it, its route /view delivers."""
    return Path(folder_paths.get_output_directory())


def runs_folder() -> Path:
    """Return the folder of all runs, output/athanor/runs."""
    return output_folder() / "athanor" / "runs"


def run_folder(run_id: str) -> Path:
    """Return the folder of one run, output/athanor/runs/<run id>."""
    return runs_folder() / run_id


def trash_folder() -> Path:
    """Return where deleted runs are kept until the trash is emptied: output/athanor/trash, on the disk of the runs."""
    return runs_folder().parent / "trash"


def name_lock(target: Path) -> Path:
    """Return where the lock on a file's name lies: beside the runs, since others read the folders of models."""
    return runs_folder().parent / "names" / hashlib.sha256(str(target).encode()).hexdigest()[:16]


def input_folder() -> Path:
    """Return ComfyUI's input folder, where uploads lie."""
    return Path(folder_paths.get_input_directory())


def compare_folder(name: str) -> Path:
    """Return the folder of a comparison, output/athanor/compare/<name>.

    Raises:
        AthanorError: the name leads out of that folder.
    """
    root = output_folder() / "athanor" / "compare"
    if name and (below(root, name) is None or Path(name).name != name):
        raise AthanorError(f"{quoted(name)} is not the name of a comparison in {root}.")
    return root / name


def published_folder() -> Path:
    """Return where LoRAs are published, one folder for each: output/athanor/published."""
    return output_folder() / "athanor" / "published"


def model_file(kind: str, name: str) -> Path | None:
    """Return the file behind a name of the host's list of `kind` (checkpoints, vae, loras); None if it has no file."""
    path = folder_paths.get_full_path(kind, name)
    return Path(path) if path else None


def cache_folder() -> Path:
    """Return where encodings are cached: athanor/cache in ComfyUI's user folder."""
    return Path(folder_paths.get_user_directory()) / "athanor" / "cache"


def own_folder(kind: str) -> Path:
    """Return where a user's own presets, lists or grids (`kind`) are: athanor/<kind> in ComfyUI's user folder."""
    return cache_folder().parent / kind


def inspections_folder() -> Path:
    """Return where it is remembered what was found in picture files: athanor/inspected in ComfyUI's user folder."""
    return cache_folder().parent / "inspected"


def temporary_folder() -> Path:
    """Return athanor in ComfyUI's folder of temporary files, which it empties at every start."""
    return Path(folder_paths.get_temp_directory()) / "athanor"


def mask_folder(name: str, dataset: Path) -> Path | None:
    """Return the folder of masks a workflow means: below the dataset's folder, else like `dataset_folder`; None if empty.

    Raises:
        AthanorError: it is missing, no folder, or outside.
    """
    if not name.strip():
        return None
    inside = below(dataset, name)
    if inside and os.path.isdir(inside):  # noqa: PTH112
        return inside
    try:
        return dataset_folder(name)
    except AthanorError as error:
        raise AthanorError(f"mask_{error}") from None
