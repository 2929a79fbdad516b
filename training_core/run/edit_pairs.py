"""Edit pairs: whether a kind of model can be trained on the control pictures of a dataset."""

from __future__ import annotations

from ..data.dataset import Dataset
from ..errors import AthanorError
from ..families import FAMILIES, Family
from ..host import controls as host_controls
from ..wording import first_few, plural


def check_controls(family: Family, dataset: Dataset) -> None:
    """Check that a model can be shown the control pictures of a dataset.

    Raises:
        AthanorError: names the pictures.
    """
    paired = [picture for picture in dataset.pictures if picture.controls]
    alone = [picture.name for picture in dataset.pictures if not picture.controls]
    taken = family.controls
    if taken is None:
        if paired:
            names = first_few([picture.name for picture in paired])
            raise AthanorError(
                f"{family.title} takes no control pictures, and there are some for {names}: clear "
                f"control_folder in Dataset Loader, or connect an edit model ({_editing()})."
            )
        return
    if taken.required and alone:
        raise AthanorError(
            f"{family.title} is trained on pairs alone, and there is no control picture for {first_few(alone)}: put one of the "
            "same name into control_folder, or remove what has none."
        )
    if taken.most and (more := [picture.name for picture in paired if len(picture.controls) > taken.most]):
        raise AthanorError(
            f"{family.title} takes at most {plural(taken.most, 'control picture')}, and more are there for {first_few(more)}: "
            "remove some from control_folder."
        )
    if paired and taken.encoder:
        host_controls.check_node(taken)


def _editing() -> str:
    """Return in words which families take control pictures."""
    *others, last = (family.title for family in FAMILIES if family.controls)
    return f"{', '.join(others)} or {last}"
