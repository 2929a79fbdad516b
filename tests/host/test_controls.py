"""Control pictures as the graph means them, by the host's own nodes."""

from __future__ import annotations

import importlib
from typing import Any

import pytest
import torch

pytestmark = pytest.mark.usefixtures("comfy")

NODES = {
    "TextEncodeQwenImageEditPlus": "nodes_qwen",
    "TextEncodeQwenImageEdit": "nodes_qwen",
    "TextEncodeBooguEdit": "nodes_boogu",
    "TextEncodeJoyImageEdit": "nodes_joyimage",
    "TextEncodeMageFlowEdit": "nodes_mage",
    "TextEncodeZImageOmni": "nodes_zimage",
}


@pytest.fixture(autouse=True)
def nodes(comfy: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The host's own, which its server loads when it starts."""
    from athanor.training_core.host.comfy_nodes import host_nodes

    for name, file in NODES.items():
        kind = getattr(importlib.import_module(f"comfy_extras.{file}"), name)
        monkeypatch.setitem(host_nodes.NODE_CLASS_MAPPINGS, name, kind)


def test_all_are_tried():
    from athanor.training_core.families import FAMILIES
    from athanor.training_core.host import controls

    assert controls.ENCODERS.keys() == NODES.keys()
    assert {family.controls.encoder for family in FAMILIES if family.controls} <= {"", *NODES}


class Reader:
    """A CLIP that notes what it is given to read."""

    def __init__(self) -> None:
        self.read: list[tuple[str, list[tuple[int, ...]]]] = []

    def tokenize(self, text: str, images: Any = (), llama_template: str = "{}", **_: Any) -> Any:
        self.read.append((text, [tuple(image.shape) for image in images]))
        return {"words": [[(1, 1.1 if "(" in text else 1.0)]]}  # brackets are emphasis

    def encode_from_tokens_scheduled(self, _tokens: Any, **_: Any) -> Any:
        return [[torch.zeros(1, 4, 8), {"pooled_output": None}]]


def pictures(*sizes: tuple[int, int]) -> list[torch.Tensor]:
    return [torch.rand(1, height, width, 3) for width, height in sizes]


@pytest.mark.parametrize(
    ("size", "shape", "target", "cut"),
    [
        ("same", (200, 100), (64, 64), (64, 64)),
        ("own", (200, 100), (64, 64), (96, 48)),  # 90.5 x 45.3
        ("own", (64, 64), (64, 64), (64, 64)),
        ("own", (4000, 10), (64, 64), (1280, 16)),
    ],
)
def test_cut_to_the_target_or_to_its_area(size, shape, target, cut):
    from athanor.training_core.host import controls

    (picture,) = pictures(shape)
    found = controls.cut(picture, target, size)
    assert found.shape == (1, cut[1], cut[0], 3)


def test_same_cuts_the_middle():
    from athanor.training_core.host import controls

    picture = torch.zeros(1, 8, 24, 4)
    picture[:, :, 8:16] = 1
    assert controls.cut(picture, (8, 8), "same").min() == 1


@pytest.mark.parametrize(
    ("encoder", "negative", "read"),
    [
        (
            "TextEncodeQwenImageEditPlus",
            False,
            ("Picture 1: <|vision_start|><|image_pad|><|vision_end|>red", 384 * 384),
        ),
        ("TextEncodeQwenImageEditPlus", True, ("Picture 1: <|vision_start|><|image_pad|><|vision_end|>red", 384 * 384)),
        ("TextEncodeQwenImageEdit", False, ("red", 1024 * 1024)),
        ("TextEncodeBooguEdit", False, ("red", 384 * 384)),
        ("TextEncodeBooguEdit", True, ("red", 0)),
        ("TextEncodeJoyImageEdit", False, ("red", 1024 * 1024)),
        ("TextEncodeMageFlowEdit", False, ("red", 64 * 32)),
        ("TextEncodeZImageOmni", False, ("red", 0)),
        ("", False, ("red", 0)),
    ],
)
def test_the_encoder_sees_what_the_models_own_node_shows_it(encoder, negative, read):
    from athanor.training_core.families import Controls
    from athanor.training_core.host import controls

    clip, taken = Reader(), Controls(size="own", encoder=encoder)
    (picture,) = pictures((64, 32))
    ((_, extras),) = controls.conditioning(clip, taken, "red", [picture], [torch.ones(1, 16, 4, 8)], negative)
    text, shown = clip.read[0]
    area = sum(shape[1] * shape[2] for shape in shown)
    assert text.endswith(read[0])
    assert abs(area - read[1]) <= 0.06 * read[1]
    assert [tuple(latent.shape) for latent in extras["reference_latents"]] == [(1, 16, 4, 8)]


def test_without_pictures_a_prompt_is_what_it_was():
    from athanor.training_core.families import Controls
    from athanor.training_core.host import controls

    clip = Reader()
    ((_, extras),) = controls.conditioning(clip, Controls(size="own", encoder="TextEncodeQwenImageEditPlus"), "red", [])
    assert clip.read == [("red", [])] and "reference_latents" not in extras


def test_a_form_of_one_picture_gives_its_latent_alone():
    from athanor.training_core.families import Controls
    from athanor.training_core.host import controls

    (latent,) = controls.in_conditioning(Controls(form="concat_latent_image", size="same"), [torch.ones(1)]).values()
    assert torch.equal(latent, torch.ones(1))


def test_too_many_pictures_are_a_sentence():
    from athanor.training_core.errors import AthanorError
    from athanor.training_core.families import FLUX1_DEV, QWEN_IMAGE
    from athanor.training_core.host import controls

    with pytest.raises(AthanorError, match="at most 3, not 4"):
        controls.checked(QWEN_IMAGE.controls, 4)
    with pytest.raises(AthanorError, match="takes none"):
        controls.checked(None, 1)
    assert controls.checked(FLUX1_DEV.controls, 9) is FLUX1_DEV.controls


def test_captions_with_pictures_have_their_brackets_escaped_as_others():
    from athanor.training_core.families import QWEN_IMAGE
    from athanor.training_core.host import controls

    clip = Reader()
    text = controls.encode(clip, QWEN_IMAGE.controls, "a (red) car", pictures((64, 64)), False)
    assert clip.read[-1][0].endswith(r"a \(red\) car")
    assert not text.cond.is_inference() and text.extras == {"pooled_output": None}


def test_latents_are_posterior_means_as_the_graph_gives_them(models):
    from athanor.training_core.host import controls

    _, _, vae = models
    picture, other = pictures((64, 64), (96, 32))
    one, two = controls.latents(vae, [picture, other])
    with torch.inference_mode():
        assert torch.allclose(one, vae.encode(picture).cpu(), atol=1e-5)
    assert two.shape[-2:] == (4, 12) and not two.is_inference()
