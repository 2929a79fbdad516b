"""Quiet mistakes that are known before the first step, one sentence for each kind of them: advice, never a refusal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..data.plan import Length
from ..families import Family, distilled
from ..settings import SamplingSettings, TrainingSettings
from ..wording import plural

FEW_STEPS = 200
"""Fewer steps than this seldom teach anything: published recipes have a thousand and more."""
ENOUGH_SAMPLES = 1000
"""So many pictures seen are enough, in however few steps of large batches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the hints look at."""

    training: TrainingSettings
    sampling: SamplingSettings | None  # None: no samples are drawn
    length: Length  # 0 for what is not known yet
    seen: int  # pictures that all steps see together
    family: Family | None  # None: it is not known yet
    file: str  # name of the checkpoint, '' if it is not known
    samplings: tuple[str, ...] = ()  # names of the classes of the model's sampling
    compares: str = "raw"  # model_prediction_type of Loss Config
    pairs: bool | None = None  # some pictures have control pictures; None: not known, or checked already
    patched: bool = False  # a LoRA, such as an adapter for training, is on the model
    about: bool = False  # the length is an estimate


def hints(facts: Facts) -> list[str]:
    """Return a sentence for each kind of mistake that is there; none for a sound recipe."""
    return [text for kind in KINDS.values() if (text := kind(facts))]


def few_steps(facts: Facts) -> str:
    """Return a sentence on a run that is too short to learn; '' if it is not."""
    steps, seen = facts.length.steps, facts.seen
    if not steps or steps >= FEW_STEPS or seen >= ENOUGH_SAMPLES:
        return ""
    what = "max_train_steps" if facts.training.max_train_steps else "epochs, or repeats of Dataset Loader"
    length = f"about {plural(steps, 'step')}" if facts.about else plural(steps, "step")
    return f"Train LoRA: the run has {length} in all, too few for most LoRAs (1000 and more are usual): raise {what}."


def save_interval(facts: Facts) -> str:
    """Return a sentence on saving more seldom than the run is long; '' where each interval gives a file."""
    training = facts.training
    return _too_long(
        "Train LoRA",
        [
            ("save_every_n_epochs", training.save_every_n_epochs, facts.length.epochs, "epoch"),
            ("save_every_n_steps", training.save_every_n_steps, facts.length.steps, "step"),
        ],
        "only the last file is saved; lower it to have files to compare",
    )


def sample_interval(facts: Facts) -> str:
    """Return a sentence on drawing samples more seldom than the run is long; '' where the interval gives some."""
    sampling = facts.sampling
    if sampling is None:
        return ""
    by_epochs = sampling.sample_every_n_epochs
    row = (
        ("sample_every_n_epochs", by_epochs, facts.length.epochs, "epoch")
        if by_epochs
        else ("sample_every_n_steps", sampling.sample_every_n_steps, facts.length.steps, "step")
    )
    return _too_long("Sample Config", [row], "no sample is drawn while it trains; lower it")


def distilled_model(facts: Facts) -> str:
    """Return a sentence on training a model of few steps without an adapter that keeps it so; '' for other models."""
    how = "" if facts.patched else distilled.few_steps(facts.family, facts.file, facts.samplings)
    if not how:
        return ""
    return (
        f"MODEL seems to be distilled to few steps ({how}), which training it bare undoes, so that its pictures become blurred: "
        "train on the model it was made from, and use the LoRA with this one."
    )


def predicted_picture(facts: Facts) -> str:
    """Return a sentence on comparing velocities that are made of pictures; '' for other models and losses."""
    family = facts.family
    if family is None or not family.predicts_picture or facts.compares != "raw":
        return ""
    return (
        f"{family.title} predicts pictures, and its velocity is their error divided by the noise level: with model_prediction_type raw "
        "in Loss Config, timesteps of little noise count many thousand times as much as others; its usual trainers compare the "
        "pictures, as sigma_scaled does."
    )


def control_pictures(facts: Facts) -> str:
    """Return a sentence on control pictures that the model cannot be shown, or cannot do without; '' if all is well."""
    family = facts.family
    if family is None or facts.pairs is None:
        return ""
    if facts.pairs and family.controls is None:
        return f"{family.title} takes no control pictures: clear control_folder of Dataset Loader, or connect an edit model."
    if not facts.pairs and family.controls and family.controls.required:
        return f"{family.title} is trained on pairs alone: set control_folder of Dataset Loader."
    return "" if facts.pairs else nothing_to_show(family, facts.file)


def nothing_to_show(family: Family, file: str) -> str:
    """Return a sentence on training a model that was made for control pictures without any; '' for other models.

    Args:
        file: name of the model's file, which tells it of families that have both kinds; '' if it is not known.
    """
    taken = family.controls
    if taken is None or not (taken.form == "concat_latent_image" or (taken.word and taken.word in file.lower())):
        return ""
    return (
        f"MODEL ({file or family.title}) was made to change a picture that it is shown, and the dataset has none to show: set "
        "control_folder of Dataset Loader to the folder of the pictures before the change."
    )


def _too_long(node: str, intervals: list[tuple[str, int, int, str]], so: str) -> str:
    """Return a sentence on intervals (field, every so many, of how many, noun) that never come round."""
    long = [(field, every, count, noun) for field, every, count, noun in intervals if every > count > 0]
    if not long:
        return ""
    said = " and ".join(f"{field} is {every}, the run has {plural(count, noun)}" for field, every, count, noun in long)
    return f"{node}: {said}: {so}."


KINDS: dict[str, Callable[[Facts], str]] = {
    "few steps": few_steps,
    "save interval": save_interval,
    "sample interval": sample_interval,
    "distilled model": distilled_model,
    "predicted picture": predicted_picture,
    "control pictures": control_pictures,
}
"""All kinds of hints that follow from job, length and model; those on the pictures are the dataset's (data/hints.py), those on
learning rates the optimizer's (optim/hints.py)."""
