"""Families that work on pixels themselves, without a VAE: Chroma Radiance, Z-Image in pixel space, HiDream-O1, PixelDiT.

Their graphs have ComfyUI's VAE `pixel_space`, whose latents are the pictures in -1..1, 3 channels of full size.
"""

from __future__ import annotations

from .flux import FLUX
from .record import Family, Layers
from .transformers import LUMINA

CHROMA_RADIANCE = Family(
    title="Chroma Radiance",
    model_class="comfy.model_base.ChromaRadiance",
    base_version="chroma_radiance",
    architecture="chroma-radiance",
    implementation="https://huggingface.co/lodestones/Chroma1-Radiance",
    timestep_sampling="sigmoid",
    source="ostris/ai-toolkit, chroma_radiance_model.py with its default timestep_type",
    diffusers_map="flux_to_diffusers",
    multiple=16,  # ComfyUI fills up others, and then cannot subtract: those that predict the picture fail
    layers=Layers(
        # The last make 49152 weights of their own for every patch: at 1024x1024 0.8 GB each, which are computed again.
        blocks=(*FLUX.blocks, "comfy.ldm.chroma_radiance.layers.NerfGLUBlock"),
        attentions=FLUX.attentions,
        targets=FLUX.blocks,
        in_place=FLUX.in_place,
    ),
)
Z_IMAGE_PIXELS = Family(
    title="Z-Image in pixel space",
    model_class="comfy.model_base.ZImagePixelSpace",
    base_version="z_image_pixel",
    architecture="z-image-pixel",
    timestep_sampling="sigmoid",
    source="ostris/ai-toolkit, zeta_chroma with its default timestep_type",
    diffusers_map="z_image_to_diffusers",
    layers=LUMINA,
)
HIDREAM_O1 = Family(
    title="HiDream-O1",
    model_class="comfy.model_base.HiDreamO1",
    base_version="hidream_o1",
    architecture="hidream-o1",
    implementation="https://github.com/HiDream-ai/HiDream-O1-Image",
    few_step_names=("dev",),
    source="kohya-ss/musubi-tuner, docs/hidream_o1.md, and hidream_o1_train_network.py, which compares pictures",
    predicts_picture=True,
    in_checkpoint=("vae",),  # alone it would have no text encoder, which is inside of it
    multiple=32,
    layers=Layers(
        blocks=("comfy.text_encoders.llama.TransformerBlock",),
        attentions=("comfy.text_encoders.llama.Attention",),
    ),
)
PIXELDIT = Family(
    title="PixelDiT",
    model_class="comfy.model_base.PixelDiTT2I",
    base_version="pixeldit",
    architecture="pixeldit",
    implementation="https://github.com/NVlabs/PixelDiT",
    timestep_sampling="shift",
    shift=4.0,
    source="NVlabs/PixelDiT, t2i/configs/PixelDiT_1024px_pixel_diffusion_stage3.yaml",
    layers=Layers(
        blocks=("comfy.ldm.pixeldit.model.MMDiTBlockT2I", "comfy.ldm.pixeldit.modules.PiTBlock"),
        attentions=("comfy.ldm.pixeldit.model.MMDiTJointAttention", "comfy.ldm.pixeldit.modules.RotaryAttention"),
        in_place=("comfy.ldm.pixeldit.modules.PiTBlock",),
    ),
)
