"""What is no recipe is refused in a sentence that tells what it is, or which line is wrong."""

from __future__ import annotations

import json

import pytest
from athanor.training_core.errors import AthanorError
from athanor.training_core.recipes.document import Document
from athanor.training_core.recipes.read import read


def safetensors(shapes: dict[str, list[int]]) -> bytes:
    tensors = {name: {"dtype": "F16", "shape": shape, "data_offsets": [0, 0]} for name, shape in shapes.items()}
    header = json.dumps(tensors).encode()
    return len(header).to_bytes(8, "little") + header


@pytest.mark.parametrize(
    ("name", "data", "sentence"),
    [
        ("train.toml", b" \n", "train.toml is empty: "),
        ("cat.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\xff", "cat.png is a picture, in which no recipe is looked for: "),
        ("", b"https://civitai.com/models/1/a-lora?modelVersionId=2\n", "The text is an address, and none is opened from here: "),
        ("old.ckpt", b"PK\x03\x04\0\0\xff\xfe\x80", "old.ckpt is not text: "),
        ("config.toml", b"[network_arguments]\nnetwork_dim = 24\nunet_lr = 1e-4x\nfoo bar\n",
         "config.toml cannot be read: its line 3 is no TOML ('unet_lr = 1e-4x')."),
        ("base.safetensors", safetensors({"model.diffusion_model.out.0.weight": [320]}), "base.safetensors is no LoRA, and "),
    ],
)  # fmt: skip
def test_what_is_no_recipe_is_told(name, data, sentence):
    with pytest.raises(AthanorError) as refused:
        read([Document(name=name, data=data)])
    assert str(refused.value).startswith(sentence)
