"""Families that read captions with a vision-language model (Qwen2.5-VL, Qwen3-VL): Kandinsky 5 Image, OmniGen2, Boogu,
Mage-Flow and JoyImage. Their LoRA files have diffusers' names, which are ComfyUI's.
"""

from __future__ import annotations

from .record import SAME, Controls, Family, Layers

_KANDINSKY = "comfy.ldm.kandinsky5.model"
_OMNIGEN = "comfy.ldm.omnigen.omnigen2"
_BOOGU = "comfy.ldm.boogu.model"
_JOY = "comfy.ldm.joyimage.model"
_QWEN = "comfy.ldm.qwen_image.model"

KANDINSKY5_IMAGE = Family(
    title="Kandinsky 5 Image",
    model_class="comfy.model_base.Kandinsky5Image",
    base_version="kandinsky5_image",
    architecture="kandinsky-5-image",
    timestep_sampling="shift",
    shift=3.0,
    source="SimpleTuner, simpletuner/examples/kandinsky5-image-6b-t2i.lycoris-lokr: flow_schedule_shift 3",
    diffusers_map=SAME,
    layers=Layers(
        blocks=(f"{_KANDINSKY}.TransformerEncoderBlock", f"{_KANDINSKY}.TransformerDecoderBlock"),
        attentions=(f"{_KANDINSKY}.SelfAttention", f"{_KANDINSKY}.CrossAttention"),
    ),
)
OMNIGEN2 = Family(
    title="OmniGen2",
    model_class="comfy.model_base.Omnigen2",
    base_version="omnigen2",
    architecture="omnigen2",
    implementation="https://github.com/VectorSpaceLab/OmniGen2",
    timestep_sampling="shift",
    shift=3.1582,
    source="OmniGen2, options/ft_lora.yml: lognorm, shifted by size; exp(1.15) at 1024 pixels",
    diffusers_map=SAME,
    layers=Layers(
        blocks=(f"{_OMNIGEN}.OmniGen2TransformerBlock",),
        attentions=(f"{_OMNIGEN}.Attention",),
    ),
    controls=Controls(size="same", source="ai-toolkit, extensions_built_in/diffusion_models/omnigen2/__init__.py"),
)
BOOGU = Family(
    title="Boogu-Image",
    model_class="comfy.model_base.Boogu",
    base_version="boogu_image",
    architecture="boogu-image",
    timestep_sampling="shift",
    shift=3.0,
    source="SimpleTuner, documentation/quickstart/BOOGU_IMAGE.md, and ai-toolkit, boogu_image.py: shift 3",
    diffusers_map=SAME,
    layers=Layers(
        blocks=(f"{_BOOGU}.BooguDoubleStreamBlock", f"{_OMNIGEN}.OmniGen2TransformerBlock"),
        attentions=(f"{_BOOGU}.BooguJointAttention", f"{_OMNIGEN}.Attention"),
    ),
    controls=Controls(
        size="own", encoder="TextEncodeBooguEdit", most=16, source="ai-toolkit, boogu_image/boogu_image_edit.py"
    ),
)
MAGE_FLOW = Family(
    title="Mage-Flow",
    model_class="comfy.model_base.MageFlow",
    base_version="mage_flow",
    architecture="mage-flow",
    timestep_sampling="shift",
    shift=6.0,
    source="musubi-tuner, docs/mage_flow.md, and ai-toolkit, mageflow.py: shift 6",
    diffusers_map=SAME,
    layers=Layers(
        blocks=(f"{_QWEN}.QwenImageTransformerBlock",),
        attentions=(f"{_QWEN}.Attention",),
    ),
    controls=Controls(
        size="same", encoder="TextEncodeMageFlowEdit", most=16, source="ai-toolkit, mageflow/mageflow.py"
    ),
)
JOY_IMAGE = Family(
    title="JoyImage",
    model_class="comfy.model_base.JoyImage",
    base_version="joyimage",
    architecture="joyai-image",
    timestep_sampling="shift",
    shift=1.5,
    source="ComfyUI, comfy/supported_models.py: the shift it is sampled with; no trainer's settings are known",
    diffusers_map=SAME,
    layers=Layers(
        blocks=(f"{_JOY}.JoyImageTransformerBlock",),
        attentions=(f"{_JOY}.JoyImageAttention",),
    ),
    controls=Controls(
        size="own", encoder="TextEncodeJoyImageEdit", most=6, source="ComfyUI, comfy_extras/nodes_joyimage.py"
    ),
)
