"""The names in LoRA files of all trainers: one reader for what is trained, shown and applied."""

import pytest
from athanor.training_core import lora_keys


@pytest.mark.parametrize(
    ("key", "place", "piece"),
    [
        ("clip_l.text_model.encoder.layers.0.mlp.fc1.lora_down.weight", ("te1", "text_model.encoder.layers.0.mlp.fc1"), "lora_down.weight"),
        ("clip_g.text_projection.lora_up.weight", ("te2", "text_projection"), "lora_up.weight"),
        ("t5.encoder.block.0.layer.0.SelfAttention.q.alpha", ("te3", "encoder.block.0.layer.0.SelfAttention.q"), "alpha"),
        ("lora_te2_encoder_block_0_layer_0_SelfAttention_q.alpha", ("te3", "encoder_block_0_layer_0_SelfAttention_q"), "alpha"),
        ("text_encoders.clip_g.transformer.text_model.encoder.layers.1.mlp.fc1.lora_A.weight",
         ("te2", "text_model.encoder.layers.1.mlp.fc1"), "lora_down.weight"),
        ("text_encoder.encoder.layers.1.mlp.fc1.lora_B.default.weight", ("te1", "text_model.encoder.layers.1.mlp.fc1"), "lora_up.weight"),
        ("text_encoder_2.text_model.encoder.layers.1.mlp.fc1.lora_linear_layer.down.weight",
         ("te2", "text_model.encoder.layers.1.mlp.fc1"), "lora_down.weight"),
        ("model.diffusion_model.blocks.0.attn.lora_A.weight", ("unet", "blocks.0.attn"), "lora_down.weight"),
        ("pipe.dit.blocks.0.attn.lora_B.my_adapter.weight", ("unet", "blocks.0.attn"), "lora_up.weight"),
        ("base_model.model.transformer.blocks.0.attn.lora_magnitude_vector.default.weight", ("unet", "blocks.0.attn"), lora_keys.MAGNITUDE),
        ("unet.mid_block.attn1.processor.to_out_lora.up.weight", ("unet", "mid_block.attn1.to_out.0"), "lora_up.weight"),
        ("unet.mid_block.attn1.processor.to_q.lora_A.weight", ("unet", "mid_block.attn1.to_q"), "lora_down.weight"),
    ],
)  # fmt: skip
def test_where_a_key_belongs_in_every_spelling(key, place, piece):
    name, found = lora_keys.split(key)
    assert lora_keys.place(name)[:2] == place and found == piece
