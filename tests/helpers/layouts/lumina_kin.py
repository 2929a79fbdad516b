"""Models of Lumina 2's class with further inputs: NewBie and Z-Image Omni."""

from layout import Case, Layout, draw, none, ones
from layouts.transformers import LUMINA, Z_IMAGE

SMALL = {"dim": 192, "n_heads": 2, "n_kv_heads": 1}
LAYOUTS = {
    "newbie": Layout("comfy.ldm.lumina.model:NextDiT", LUMINA | {"cap_feat_dim": 2560, "clip_text_dim": 1024}, SMALL),
    "z_image_omni": Layout(
        "comfy.ldm.lumina.model:NextDiT",
        LUMINA | Z_IMAGE | {"siglip_feat_dim": 1152},
        {"dim": 256, "n_heads": 2, "n_kv_heads": 2},
    ),
}
CASES = {
    "newbie": Case(
        "NewBie",
        "Lumina2",
        "flow",
        16,
        2560,
        "lora_unet_layers_1_attention_out",
        auto=("shift", 3.1582),
        extras={"pooled_output": draw(1024), "attention_mask": ones},
        rotary=True,
        twin="Lumina 2's layers, and two for the text as one vector",
    ),
    "z_image_omni": Case(
        "Z-Image Omni",
        "ZImage",
        "flow",
        16,
        2560,
        "lora_unet_layers_1_feed_forward_w2",
        auto=("shift", 2.0),
        extras={"pooled_output": none, "attention_mask": ones},
        tokens=(12, 40),
        rotary=True,
        twin="Z-Image's layers, and those for SigLIP, which stay at rest",
    ),
}
