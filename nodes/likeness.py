"""The node Likeness: how alike pictures are to the training pictures, and which of them look like copies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from comfy_api.latest import io

from ..training_core.errors import AthanorError
from ..training_core.host import folders, node_tools
from ..training_core.settings import LikenessSettings
from . import types
from .progress import Progress
from .schema import image_output, inputs, on_node, pick, rounded_bytes

if TYPE_CHECKING:
    from ..training_core.score.scorer import Scorer

_FOR_OTHERS = "Pictures are measured where scorer goes, to likeness of XYZ Compare or of Sample Config; or connect some to images."


class AthanorLikeness(io.ComfyNode):
    """Compares pictures with a dataset: likeness, prompt following, variety, and copies of training pictures."""

    @classmethod
    def define_schema(cls) -> io.Schema:
        """Return the dataset, the settings, models and pictures as inputs; a scorer for other nodes, a text and scores as outputs."""
        return io.Schema(
            node_id="AthanorLikeness",
            display_name="Likeness",
            category="Athanor/compare",
            description="Measures how alike pictures are to the training pictures, to held-out ones and to their prompt, and warns of "
            "copies. For XYZ Compare and Sample Config, or for pictures at once. Works without a vision model, by colours and edges.",
            search_aliases=[
                "clip score",
                "similarity",
                "likeness score",
                "dino",
                "siglip",
                "best epoch",
                "which epoch is best",
                "which is best",
                "best lora",
                "score",
                "face similarity",
                "overfit",
                "overfitting",
                "memorization",
                "copy detection",
                "nearest training image",
            ],
            is_input_list=True,
            is_output_node=True,
            inputs=[
                types.Dataset.Input(
                    "dataset", tooltip="The pictures that the LoRA is trained on, from Dataset Loader."
                ),
                *inputs(LikenessSettings),
                io.ClipVision.Input(
                    "clip_vision",
                    optional=True,
                    tooltip="From Load CLIP Vision: CLIP, SigLIP, DINOv2 or DINOv3. Unconnected: colours and edges alone, which is weak.",
                ),
                io.Clip.Input(
                    "clip",
                    optional=True,
                    tooltip="A text encoder of the same CLIP as clip_vision, for how well pictures follow their prompts.",
                ),
                io.Image.Input("images", optional=True, tooltip="Pictures to be measured at once, any sizes."),
                types.Validation.Input(
                    "validation",
                    optional=True,
                    tooltip="From Validation Config, the one of Train LoRA: its held-out pictures are compared with apart from the others.",
                ),
                io.AnyType.Input(
                    "vectors",
                    optional=True,
                    tooltip="Only with images: a vector, or several, for each of them from another pack, faces, say.",
                ),
                io.AnyType.Input(
                    "reference_vectors",
                    optional=True,
                    tooltip="The same pack's vectors of the training pictures, in any order.",
                ),
            ],
            outputs=[
                types.Scorer.Output("scorer", tooltip="For likeness of XYZ Compare and Sample Config."),
                io.String.Output(
                    "text",
                    tooltip="What is compared with what, what counts as a copy, and each picture's scores.",
                ),
                io.Float.Output("scores", is_output_list=True, tooltip="The likeness of each of images."),
                io.Image.Output(
                    "picture",
                    is_output_list=True,
                    tooltip="Each of images beside the training picture that looks most like it.",
                ),
            ],
            hidden=[io.Hidden.unique_id, io.Hidden.prompt],
        )

    @classmethod
    def execute(cls, dataset: list[Any], **values: list[Any]) -> io.NodeOutput:
        """Return a scorer of the dataset and what it can tell; with images their scores as well. Every input comes as a list."""
        images = [
            pixels
            for batch in values.pop("images", None) or []
            if batch is not None
            for pixels in rounded_bytes(batch[..., :3])
        ]
        vectors = {name: values.pop(name, None) for name in ("vectors", "reference_vectors")}
        single = {name: value[0] for name, value in values.items() if value}
        settings, progress = pick(LikenessSettings, single), Progress(cls.hidden.unique_id)
        progress.text(
            "looking at the dataset", always=True
        )  # before the picture, for which the page makes the node higher
        scorer, about = _scorer(dataset[0], settings, single)
        say = progress.told("comparing with the dataset:")
        if not images:
            text = "\n".join([_FOR_OTHERS, *about, *scorer.few()])
            progress.text(text, always=True)
            return io.NodeOutput(scorer, text, node_tools.blocked(), node_tools.blocked(), ui={"text": [text]})
        from ..training_core.score import at_once

        measured = at_once.measure(scorer, images, settings, say, **vectors)
        about = [measured.summary, measured.copies, *about]
        progress.text("\n".join(about), always=True)
        text = "\n".join([*about, *measured.lines])
        pages = [image_output(page) for page in measured.pages]
        shown = on_node(cls, pages[0], 3)
        return io.NodeOutput(scorer, text, list(measured.likeness), pages, ui=shown)


def _scorer(dataset: Any, settings: LikenessSettings, values: dict[str, Any]) -> tuple[Scorer, list[str]]:
    """Return the scorer of the node's inputs, and sentences about what it compares with what."""
    from ..training_core.data.holdout import held_out_dataset
    from ..training_core.score.plain import PlainMeasure
    from ..training_core.score.prompts import tower_of
    from ..training_core.score.scorer import Scorer
    from ..training_core.score.vision_measure import VisionMeasure

    if dataset is None or not dataset.pictures:
        raise AthanorError("dataset is empty: connect a Dataset Loader.")
    vision, clip = values.get("clip_vision"), values.get("clip")
    probe, buckets = values.get("validation") or types.ProbeInputs()
    held_out = buckets.dataset if buckets is not None else held_out_dataset(dataset, probe)
    text, about = tower_of(vision, clip)
    measure = PlainMeasure() if vision is None else VisionMeasure(vision)
    scorer = Scorer(
        measure, dataset, settings, folder=folders.output_folder() / "athanor" / "scores", held_out=held_out, text=text
    )
    return scorer, [*scorer.said(), about]
