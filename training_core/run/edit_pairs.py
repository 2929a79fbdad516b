"""Edit pairs: whether a kind of model can be trained on the control pictures of a dataset."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from ..data.dataset import Dataset
from ..errors import AthanorError, quoted
from ..families import FAMILIES, Controls, Family
from ..history.handle import few
from ..host import controls as host_controls
from ..wording import first_few, plural
from .hints import nothing_to_show
from .prompts import Drawn, Prompt


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


def as_trained(family: Family, control_size: str) -> Controls | None:
    """Return how a run takes control pictures: as its family does, in the size of its resolved settings; None: it takes none."""
    if family.controls is None or control_size == "auto":
        return family.controls
    return replace(family.controls, size=control_size)


def captions_to_draw(dataset: Dataset) -> list[Drawn]:
    """Return what is drawn of a dataset where no prompt is given: at most three captions, with the control pictures of theirs."""
    paired = [picture for picture in dataset.pictures if picture.controls]
    if not paired:
        return [Drawn(text) for text in few(picture.caption for picture in dataset.pictures)]
    return [
        Drawn(
            text=picture.caption.partition("\n")[0],
            controls=tuple(control.path for control in picture.controls),
            background=dataset.subsets[picture.subset].alpha_background,
        )
        for picture in paired[:3]
    ]


def check_prompts(controls: Controls | None, prompts: Sequence[Prompt]) -> None:
    """Check that a model can be shown the control pictures of sample prompts.

    Raises:
        AthanorError: it takes none, or fewer.
    """
    for prompt in prompts:
        try:
            if prompt.controls:
                host_controls.checked(controls, len(prompt.controls))
        except AthanorError as error:
            raise AthanorError(f"sample_prompts: {quoted(prompt.text)} has control pictures, but {error}") from None


def about_prompts(prompts: Sequence[Prompt], paired: bool) -> Iterator[str]:
    """Yield a warning where pairs are trained, and no sample prompt has a picture to change."""
    if paired and prompts and not any(prompt.controls for prompt in prompts):
        yield (
            f"sample_prompts: {quoted(prompts[0].text)} has no control picture, so the samples are made from nothing: add '--ci a.png' to "
            "each line, a picture in ComfyUI's input folder, or leave sample_prompts empty to see pictures of the dataset changed."
        )


def about_the_model(family: Family, file: str, paired: bool) -> Iterator[str]:
    """Yield a warning where pairs meet a model that was not made for them, or the other way round, as far as its file's name tells."""
    if not paired:
        yield from filter(None, [nothing_to_show(family, file)])
    word = family.controls.word if family.controls else ""
    if paired and file and word and word not in file.lower():
        yield (
            f"MODEL is called {file}, and {family.title}'s files that were made for control pictures have {word} in their names: one that "
            "has never been shown any has to learn it from your pairs alone."
        )


def _editing() -> str:
    """Return in words which families take control pictures."""
    *others, last = (family.title for family in FAMILIES if family.controls)
    return f"{', '.join(others)} or {last}"
