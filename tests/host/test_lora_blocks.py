"""Block strengths on a model: every layer is what Load LoRA makes of it at that strength, whatever the algorithm."""

import pytest
import torch
from athanor.training_core.errors import AthanorError
from safetensors.torch import save_file

pytestmark = pytest.mark.usefixtures("comfy", "one_thread")

IN, MID, OUT = (
    f"lora_unet_{place}_attentions_0_transformer_blocks_0_attn1_to_q"
    for place in ("down_blocks_0", "mid_block", "up_blocks_1")
)


@pytest.fixture(scope="module")
def model():
    import tiny_layouts

    with torch.inference_mode():
        return tiny_layouts.load("sd15")


@pytest.fixture(scope="module")
def lora_path(model, tmp_path_factory):
    """DoRA, LoKr, LoHa and a plain LoRA."""
    import comfy.lora
    import comfy.utils
    import folder_paths

    keys = comfy.lora.model_lora_keys_unet(model.model, {})
    generator = torch.Generator().manual_seed(1)

    def rand(*shape):
        return torch.randn(*shape, generator=generator) * 0.3

    tensors = {}
    for name, pieces in ((IN, "dora"), (MID, "lokr"), (OUT, "loha"), (OUT.replace("to_q", "to_k"), "lora")):
        out, wide = comfy.utils.get_attr(model.model, keys[name]).shape
        made = {
            "dora": lambda o=out, w=wide: {
                "lora_up.weight": rand(o, 2),
                "lora_down.weight": rand(2, w),
                "dora_scale": rand(o, 1).abs(),
            },
            "lora": lambda o=out, w=wide: {
                "lora_up.weight": rand(o, 2),
                "lora_down.weight": rand(2, w),
                "alpha": torch.tensor(1.0),
            },
            "lokr": lambda o=out, w=wide: {"lokr_w1": rand(2, 2), "lokr_w2": rand(o // 2, w // 2)},
            "loha": lambda o=out, w=wide: {
                f"hada_w{i}_{x}": rand(*s) for i in (1, 2) for x, s in (("a", (o, 2)), ("b", (2, w)))
            },
        }
        tensors |= {f"{name}.{piece}": value for piece, value in made[pieces]().items()}
    folder = tmp_path_factory.mktemp("loras")
    folder_paths.add_model_folder_path("loras", str(folder))
    save_file({key: value.contiguous() for key, value in tensors.items()}, folder / "mixed.safetensors")
    yield folder / "mixed.safetensors"
    folder_paths.folder_names_and_paths["loras"][0].remove(str(folder))


def weights(model) -> dict[str, torch.Tensor]:
    """Key -> the patched weight."""
    import comfy.lora
    import comfy.utils

    with torch.inference_mode():
        return {
            key: comfy.lora.calculate_weight(patches, comfy.utils.get_attr(model.model, key).float().clone(), key)
            for key, patches in model.patches.items()
        }


def applied(model, path, strength, blocks=""):
    from athanor.training_core.host import lora

    return weights(lora.apply(model, None, path, strength, blocks=blocks)[0])


def test_each_block_is_what_load_lora_makes_of_it(model, lora_path):
    plain = {strength: applied(model, lora_path, strength) for strength in (0.4, 0.8)}
    found = applied(model, lora_path, 0.8, "in 0.5, MID 0")
    assert len(plain[0.8]) == 4 and len(found) == 3
    for key, weight in found.items():
        want = plain[0.4 if "input_blocks" in key else 0.8][key]
        assert "middle_block" not in key and torch.equal(weight, want), key
    assert applied(model, lora_path, 0.8, "*to_k").keys() == {key for key in plain[0.8] if key.endswith("to_k.weight")}
    assert applied(model, lora_path, 1.0, "all 0") == {}


def test_blocks_that_are_not_there_are_said(model, lora_path):
    with pytest.raises(AthanorError, match=r"mixed.safetensors has no block 'double'; it has IN01, MID, OUT03\."):
        applied(model, lora_path, 1.0, "double 0.5")


@pytest.mark.parametrize("blocks", ["", "in 0.5"])
def test_a_lora_of_another_model_is_said(model, lora_path, blocks):
    """With blocks the picture was that of the base model, and nothing was said."""
    other = lora_path.with_name("other.safetensors")
    save_file({f"{IN}.lora_up.weight": torch.ones(3, 2), f"{IN}.lora_down.weight": torch.ones(2, 3)}, other)
    with pytest.raises(AthanorError, match=r"other\.safetensors does not match this model"):
        applied(model, other, 1.0, blocks)
