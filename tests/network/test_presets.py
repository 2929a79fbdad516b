"""LyCORIS presets as TOML, in diffusers' class names."""

import pytest
from athanor.training_core.errors import AthanorError
from athanor.training_core.network.build import Part, create
from athanor.training_core.settings import NetworkSettings
from small import Model


def made(toml: str, spelling=None, **values):
    part = Part(Model(), spelling=spelling or {})
    loras = create([part], NetworkSettings(**{"rank": 4, "conv_rank": 2, "preset_toml": toml} | values), 0).loras
    return {lora.lora_name.removeprefix("lora_unet_"): lora for lora in loras}


def test_classes_are_translated():
    found = made('enable_conv = true\nunet_target_module = ["Transformer2DModel", "ResnetBlock2D"]')
    assert set(found) == {"attn_proj_in", "attn_to_q", "res_conv", "res_emb"}
    assert set(made('enable_conv = false\nunet_target_module = ["ResnetBlock2D"]')) == {"res_emb"}


def test_names_in_either_spelling():
    assert set(made('unet_target_name = ["attn.to_q"]')) == {"attn_to_q"}
    assert set(made('unet_target_name = ["mid.*"]', {"attn.to_q": "mid.attentions.to_q"})) == {"attn_to_q"}
    assert set(made('use_fnmatch = true\nunet_target_name = ["*to_q"]')) == {"attn_to_q"}


def test_exclude_name():
    toml = 'unet_target_module = ["Transformer2DModel"]\nexclude_name = ["attn.proj_in"]'
    assert set(made(toml)) == {"attn_to_q"}


def test_algo_maps():
    toml = """
unet_target_module = ["Transformer2DModel"]
unet_target_name = ["res.emb"]
[module_algo_map.Transformer2DModel]
algo = "lokr"
factor = 2
[name_algo_map."res.emb"]
algo = "loha"
dim = 3
"""
    found = made(toml)
    assert {name: type(lora).__name__ for name, lora in found.items()} == {
        "attn_proj_in": "LokrModule", "attn_to_q": "LokrModule", "res_emb": "LohaModule"
    }  # fmt: skip
    assert found["res_emb"].lora_dim == 3


@pytest.mark.parametrize(
    ("toml", "words"),
    [
        ("a =", "preset_toml is not valid TOML"),
        ("unet_targets = []", "'unet_targets' is not a key of a LyCORIS preset"),
        ('unet_target_name = ["("]', "'(' is not a valid regular expression"),
        ('[module_algo_map.ResBlock]\nalgo = "tlora"', "algo 'tlora' is not supported"),
        ("unet_target_module = 3", "a value has the wrong type"),
        ('unet_target_module = ["Nothing"]', "preset_toml: it matches no layer of this model"),
    ],
)
def test_wrong_presets(toml, words):
    with pytest.raises(AthanorError) as error:
        made(toml)
    assert words in str(error.value)
