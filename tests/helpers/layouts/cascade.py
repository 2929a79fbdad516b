"""Stable Cascade."""

from layout import Case, Layout, draw

SMALL = {"c_cond": 64, "c_hidden": [64, 64], "nhead": [1, 1], "blocks": [[1, 2], [2, 1]]}

LAYOUTS = {"stable_cascade": Layout("comfy.ldm.cascade.stage_c:StageC", {}, SMALL)}
CASES = {
    "stable_cascade": Case(
        "Stable Cascade (stage C)",
        "Stable_Cascade_C",
        "eps",
        16,
        1280,
        "lora_prior_unet_down_blocks_1_2_attention_attn_to_k",
        extras={"pooled_output": draw(1280)},
        tokens=(77, 154),
    ),
}
