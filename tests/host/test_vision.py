"""Pictures as vectors, by every kind of vision model that the host knows; small ones with random weights, in their real classes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import cards
import numpy as np
import pytest
import torch
from athanor.training_core.errors import AthanorError

_CLIP = {
    "model_type": "clip_vision_model", "image_size": 56, "patch_size": 14, "num_hidden_layers": 2, "hidden_size": 32, "num_channels": 3,
    "num_attention_heads": 2, "intermediate_size": 48, "hidden_act": "quick_gelu", "projection_dim": 768,
}  # fmt: skip
_DINO = {"num_hidden_layers": 2, "hidden_size": 32, "num_attention_heads": 2, "layer_norm_eps": 1e-6}
_PLAIN = {key: value for key, value in _CLIP.items() if key != "projection_dim"}
_SIGLIP_2 = _PLAIN | {"model_type": "siglip2_vision_model", "image_size": -1, "patch_size": 16, "num_patches": 16}
_DINO_3 = _DINO | {
    "model_type": "dinov3",
    "image_size": 64,
    "num_register_tokens": 4,
    "intermediate_size": 48,
    "num_channels": 3,
}
KINDS: dict[str, tuple[int, dict[str, Any]]] = {
    "CLIP": (768, _CLIP),
    "SigLIP": (32, _PLAIN | {"model_type": "siglip_vision_model"}),
    "SigLIP 2": (32, _SIGLIP_2),
    "DINOv2": (32, _DINO | {"model_type": "dinov2", "image_size": 56, "use_swiglu_ffn": False}),
    "DINOv3": (32, _DINO_3 | {"patch_size": 16, "rope_theta": 100.0}),
}
"""What the model is called -> the width of its vectors, and its configuration."""


def model(name: str) -> Any:
    import comfy.clip_vision

    torch.manual_seed(3)
    made = comfy.clip_vision.ClipVisionModel(KINDS[name][1])
    with torch.no_grad():
        for key, value in made.model.named_parameters():
            value.copy_(torch.randn(value.shape) * 0.2 + ("norm" in key and key.endswith("weight")))
    return made


def picture(seed: int, height: int = 64, width: int = 64) -> np.ndarray:
    return (
        np.random.default_rng(seed)
        .integers(0, 256, (height // 16, width // 16, 3), np.uint8)
        .repeat(16, 0)
        .repeat(16, 1)
    )


@pytest.mark.parametrize("name", KINDS)
def test_pictures_become_vectors(comfy, name):
    from athanor.training_core.host import vision
    from athanor.training_core.score.vision_measure import VisionMeasure

    made, (width, _) = model(name), KINDS[name]
    images = [picture(1), picture(2), picture(1), picture(3, 64, 128)]
    found = vision.embed(made, images)
    assert [(whole.shape, places.shape) for whole, places in found] == [((width,), (64, 32))] * 4
    alone = vision.embed(made, images[1:2])[0]
    assert np.allclose(alone[0], found[1][0], atol=1e-4) and np.allclose(
        alone[1], found[1][1], atol=1e-4
    )  # batches change nothing
    assert np.array_equal(found[0][0], found[2][0]) and not np.allclose(found[0][0], found[1][0], atol=1e-3)
    measure, other = VisionMeasure(made), VisionMeasure(model("DINOv2" if name == "CLIP" else "CLIP"))
    assert measure.title == f"{name} (2 layers, 32 wide)" and not measure.weak and measure.content != other.content
    looks = measure.looks(images)
    assert all(abs(float(look.whole @ look.whole) - 1) < 1e-4 and look.layout.shape == (64 * 64,) for look in looks)
    measure.give_back()


@pytest.mark.parametrize("name", ["CLIP", "DINOv3"])
@pytest.mark.parametrize("how", ["moving", "dynamic"])
def test_a_model_of_the_graph_that_training_loads_first(comfy, name, how):
    """Made in inference mode, as the executor does it, and loaded by a score in mid-run, then by a comparison, as on a card."""
    import comfy.clip_vision
    import comfy.model_management as mm
    from athanor.training_core.host import guard, vision
    from card_models import unload, weights

    images, whole = [picture(1), picture(2)], model(name)
    plain, state = vision.embed(whole, images), whole.get_sd()
    with cards.dynamic() if how == "dynamic" else cards.moving(), torch.inference_mode():
        made = comfy.clip_vision.ClipVisionModel(KINDS[name][1])
        made.load_sd({key: value.detach().clone() for key, value in state.items()})
    assert made.patcher.is_dynamic() is (how == "dynamic")
    unload()
    _, before = weights(made.model)
    with cards.moving():
        with guard.training():
            trained = vision.embed(made, images)
            vision.give_back(made)
        assert not [loaded for loaded in mm.current_loaded_models if loaded.model is made.patcher]
        with torch.inference_mode():
            drawn = vision.embed(made, images)
            vision.give_back(made)
    for one, two, three in zip(plain, trained, drawn, strict=True):
        assert all(np.allclose(a, b, atol=1e-4) for a, b in zip(one, two, strict=True))
        assert all(np.array_equal(a, b) for a, b in zip(two, three, strict=True))
    assert weights(made.model)[1] == before


def test_what_encode_image_gives_is_what_is_taken(comfy):
    """The host's own node would give the same vector, and the same hidden states."""
    from athanor.training_core.host import vision

    made = model("CLIP")
    with torch.no_grad():
        theirs = made.encode_image(torch.from_numpy(picture(1))[None].float() / 255, crop=False)
    assert np.allclose(vision.embed(made, [picture(1)])[0][0], theirs["image_embeds"][0].float().numpy(), atol=1e-4)


def test_a_model_that_fails_is_told(comfy):
    from athanor.training_core.errors import AthanorError, ForeignFault
    from athanor.training_core.host import vision

    made = model("CLIP")
    with torch.no_grad():
        made.model.visual_projection.weight[0, 0] = float("nan")
    with pytest.raises(AthanorError, match=r"^CLIP \(2 layers, 32 wide\) gives NaN: its file is damaged"):
        vision.embed(made, [picture(1)])
    made.model.vision_model.encoder = None
    with pytest.raises(ForeignFault, match=r"^CLIP \(2 layers, 32 wide\) cannot look at a picture \(TypeError"):
        vision.embed(made, [picture(1)])


def test_what_is_no_model_of_the_host_is_refused(comfy):
    from athanor.training_core.score.vision_measure import VisionMeasure

    with pytest.raises(
        AthanorError, match="clip_vision is dict, which is no model of ComfyUI's own: connect the CLIP_VISION of"
    ):
        VisionMeasure({"vision": 1})


def test_a_text_encoder_with_a_projection_is_the_text_tower(models):
    """The small SD3's CLIP-L is 768 wide, as CLIP ViT-L's vectors are; a file without a projection brings none."""
    from athanor.training_core.host import vision
    from athanor.training_core.score.prompts import tower_of

    clip, seeing = models[1], model("CLIP")
    weight = clip.cond_stage_model.clip_l.transformer.text_projection.weight
    before = weight.detach().clone()
    try:
        with torch.inference_mode():
            weight.copy_(torch.eye(768))
        none, said = tower_of(seeing, clip)
        assert none is None and "clip has no projection like that of CLIP" in said
        assert said.endswith("; connect clip_l.safetensors of Load CLIP at clip.")
        with torch.inference_mode():
            weight.zero_()  # what the host puts there with dynamic VRAM where the file has none (SD1.5's)
            assert tower_of(seeing, clip)[0] is None
            weight.copy_(torch.eye(768))
            plain = vision.embed_texts(clip, "clip_l", ["a cat"])[0]
            weight.copy_(torch.eye(768).flip(0))
        tower, said = tower_of(seeing, clip)
        assert tower is not None and said.endswith("the text encoder clip_l.")
        cat, dog, again = tower.vectors(["a cat", "a dog", "a cat"])
        assert again is cat and not np.allclose(cat, dog, atol=1e-3) and abs(float(cat @ cat) - 1) < 1e-4
        assert np.allclose(cat, plain[::-1] / np.linalg.norm(plain), atol=1e-3)
        long = "a cat on a mat, " * 20
        assert tower.cut(["a cat", long, long]).startswith("Of 1 prompt ('a cat on a mat, a cat")
        assert tower.cut(["a cat"]) == "" and "only the first 75 tokens" in tower.cut([long])
        # Only the first of its parts counts, whatever stands in the others.
        assert np.allclose(*tower.vectors([long, f"{long} dog"]), atol=1e-6)
    finally:
        with torch.inference_mode():
            weight.copy_(before)


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("CLIP", "connect clip_l.safetensors of Load CLIP at clip."),
        ("SigLIP", "cannot compare pictures with texts, as ComfyUI has no text encoder for it; CLIP can."),
        ("SigLIP 2", "cannot compare pictures with texts, as ComfyUI has no text encoder for it; CLIP can."),
        ("DINOv2", "cannot compare pictures with texts, as it was trained without texts; CLIP can."),
        ("DINOv3", "cannot compare pictures with texts, as it was trained without texts; CLIP can."),
    ],
)
def test_what_has_no_text_tower_says_what_has_one(comfy, kind, told):
    """It was "clip has no projection like that of DINOv2", whatever CLIP was connected."""
    from athanor.training_core.score.prompts import tower_of

    seeing = model(kind)
    none, said = tower_of(seeing, None)
    assert (
        none is None
        and said.startswith("How well pictures follow their prompts is not measured: ")
        and said.endswith(told)
    )
    clip: Any = SimpleNamespace(cond_stage_model=SimpleNamespace())
    none, said = tower_of(seeing, clip)
    assert none is None and said.endswith(told) and ("clip has no projection" in said) == (kind == "CLIP")
    assert tower_of(None, clip)[1].endswith("that takes clip_vision, and the clip of the same model.")


def test_towers_that_do_not_belong_together_are_told(comfy):
    from athanor.training_core.score.prompts import belonging

    rng = np.random.default_rng(0)
    texts = rng.standard_normal((12, 64)).astype(np.float32)
    texts /= np.linalg.norm(texts, axis=1, keepdims=True)
    tower: Any = SimpleNamespace(vectors=lambda prompts: [texts[int(prompt)] for prompt in prompts])
    pictures: Any = [SimpleNamespace(caption=str(number)) for number in range(12)]
    assert belonging(tower, texts, pictures).startswith("clip and clip_vision belong together: pictures are +0.998")
    others = rng.standard_normal((12, 64)).astype(np.float32) / 8
    assert "may not belong together" in belonging(tower, others, pictures)
    assert "cannot be checked" in belonging(tower, texts[:3], pictures[:3])
    # Of many pictures some are enough: all captions of a large dataset took minutes at each queue.
    read: list[str] = []
    many: Any = [SimpleNamespace(caption=str(number % 12)) for number in range(700)]
    counting: Any = SimpleNamespace(vectors=lambda prompts: read.extend(prompts) or tower.vectors(prompts))
    said = belonging(counting, np.tile(texts, (59, 1))[:700], many)
    assert said.startswith("clip and clip_vision belong together") and len(read) <= 64
