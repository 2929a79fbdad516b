"""Control pictures as the graph means them: seen by the text encoder where the model's own node shows them to it, and as latents."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import node_helpers
import torch

from ..control_size import own_size
from ..errors import AthanorError
from ..families import Controls
from . import sampling, vae
from .text import Text, literal, outside_inference


def cut(picture: torch.Tensor, target: tuple[int, int], size: str) -> torch.Tensor:
    """Return a control picture, (1, H, W, 3) in 0..1, as large as it goes to the VAE; transparency is dropped.

    Args:
        target: (width, height) of the picture that is drawn.
        size: "same": the middle of it, as large as the target; "own": its own shape, about the target's area.
    """
    widgets = scaling((picture.shape[2], picture.shape[1]), target, size)
    pixels = picture[:1, :, :, :3]
    return pixels if widgets is None else sampling.run_node("ImageScale", image=pixels, **widgets)


def scaling(own: tuple[int, int], target: tuple[int, int], size: str) -> dict[str, Any] | None:
    """Return the widgets of Upscale Image (ImageScale) that cut a picture of (width, height) `own` as `cut` does; None: it fits."""
    width, height = target if size == "same" else own_size(own, target)
    if own == (width, height):
        return None
    method = "area" if width <= own[0] and height <= own[1] else "lanczos"
    crop = "center" if size == "same" else "disabled"
    return {"upscale_method": method, "width": width, "height": height, "crop": crop}


def latents(autoencoder: Any, pictures: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    """Return the latent of each picture, (1, H, W, 3), before `process_latent_in`, as VAE Encode gives it: posterior means."""
    return [vae.encode(autoencoder, picture)[0] for picture in pictures]


def in_conditioning(controls: Controls, references: Sequence[torch.Tensor]) -> dict[str, Any]:
    """Return what CONDITIONING holds beside the text: the latents by the key that the model reads them from; {} without any."""
    if not references:
        return {}
    return {controls.form: list(references) if controls.form == "reference_latents" else references[0]}


def hidden(latent: torch.Tensor, mask: torch.Tensor) -> dict[str, torch.Tensor]:
    """Return what InpaintModelConditioning puts into CONDITIONING: the latent of a picture whose hidden part is grey, and the mask.

    Args:
        mask: (H, W) uint8 in pixels, 255 where it is hidden.
    """
    return {"concat_latent_image": latent, "concat_mask": mask[None, None].float() / 255}


def with_latents(conditioning: Any, controls: Controls, references: Sequence[torch.Tensor]) -> Any:
    """Return a CONDITIONING with the latents of its control pictures, as `latents` gives them."""
    return node_helpers.conditioning_set_values(conditioning, in_conditioning(controls, references))


def conditioning(
    clip: Any,
    controls: Controls | None,
    text: str,
    pictures: Sequence[torch.Tensor],
    references: Sequence[torch.Tensor] = (),
    negative: bool = False,
) -> Any:
    """Return the CONDITIONING of a prompt and its control pictures; without any, that of CLIP Text Encode.

    Args:
        pictures: (1, H, W, 3) each, as `cut` gives them.
        references: their latents, as `latents` gives them; () leaves them to `with_latents`.
        negative: it is the negative prompt, whose pictures some models do not show to the encoder.

    Raises:
        AthanorError: the model takes no control pictures, or fewer.
    """
    if not pictures:
        return sampling.encode_prompt(clip, text)
    taken = checked(controls, len(pictures))
    encoder = encoder_of(taken)
    return with_latents(encoder(sampling.run_node, clip, text, pictures, negative), taken, references)


def checked(controls: Controls | None, count: int) -> Controls:
    """Return how a model takes `count` control pictures.

    Raises:
        AthanorError: it takes none, or fewer.
    """
    if controls is None:
        raise AthanorError("this kind of model takes none.")
    if controls.most and count > controls.most:
        raise AthanorError(f"this kind of model takes at most {controls.most}, not {count}.")
    return controls


def encoder_of(controls: Controls) -> Encoder:
    """Return what encodes a text for a kind of model: its own node with the pictures, or CLIP Text Encode."""
    return ENCODERS[controls.encoder] if controls.encoder else _plain


def encode(clip: Any, controls: Controls, caption: str, pictures: Sequence[torch.Tensor], weighted: bool) -> Text:
    """Encode a caption with the control pictures that the encoder sees beside it, as the model's own node does.

    Args:
        pictures: (1, H, W, 3) each.
        weighted: brackets are emphasis.
    """
    with torch.inference_mode():
        text = caption if weighted else literal(clip, caption)
        cond, extras = ENCODERS[controls.encoder](sampling.run_node, clip, text, pictures, False)[0]
    return Text(outside_inference(cond), {k: outside_inference(v) for k, v in extras.items()})


def check_node(controls: Controls) -> None:
    """Check that this ComfyUI can encode a text with pictures for a kind of model.

    Raises:
        AthanorError: it is too old, or was started without its own nodes.
    """
    sampling.node_class(controls.encoder)


Run = Callable[..., Any]
"""(type of a node, its inputs by name) -> its first output: `sampling.run_node`, or what writes the node into a graph."""

Encoder = Callable[[Run, Any, str, Sequence[Any], bool], Any]
"""(Run, CLIP, text, pictures, whether it is the negative prompt) -> CONDITIONING without latents."""


def _plain(run: Run, clip: Any, text: str, _pictures: Sequence[Any], _negative: bool) -> Any:
    return run("CLIPTextEncode", clip=clip, text=text)


def _numbered(pictures: Sequence[Any], name: str, first: int = 1) -> dict[str, Any]:
    return {f"{name}{number}": picture for number, picture in enumerate(pictures, first)}


def _qwen(run: Run, clip: Any, text: str, pictures: Sequence[Any], _negative: bool) -> Any:
    return run("TextEncodeQwenImageEditPlus", clip=clip, prompt=text, **_numbered(pictures, "image"))


def _qwen_of_one(run: Run, clip: Any, text: str, pictures: Sequence[Any], _negative: bool) -> Any:
    return run("TextEncodeQwenImageEdit", clip=clip, prompt=text, image=pictures[0])


def _boogu(run: Run, clip: Any, text: str, pictures: Sequence[Any], negative: bool) -> Any:
    """Its negative prompt is read without the pictures."""
    if negative:
        return _plain(run, clip, text, (), negative)
    images = _numbered(pictures, "image_")
    return run("TextEncodeBooguEdit", clip=clip, prompt=text, negative_prompt="", images=images)


def _joyimage(run: Run, clip: Any, text: str, pictures: Sequence[Any], _negative: bool) -> Any:
    return run("TextEncodeJoyImageEdit", clip=clip, prompt=text, images=_numbered(pictures, "image", 0))


def _mage_flow(run: Run, clip: Any, text: str, pictures: Sequence[Any], negative: bool) -> Any:
    """An empty negative prompt is a space."""
    text = text or " " * negative
    return run("TextEncodeMageFlowEdit", clip=clip, prompt=text, images=_numbered(pictures, "image_"))


def _z_image_omni(run: Run, clip: Any, text: str, pictures: Sequence[Any], _negative: bool) -> Any:
    """The encoder reads a mark for each picture; SigLIP, which would see them, is not in the graph's CLIP."""
    return run("TextEncodeZImageOmni", clip=clip, prompt=text, **_numbered(pictures, "image"))


ENCODERS: dict[str, Encoder] = {
    "TextEncodeQwenImageEditPlus": _qwen,
    "TextEncodeQwenImageEdit": _qwen_of_one,
    "TextEncodeBooguEdit": _boogu,
    "TextEncodeJoyImageEdit": _joyimage,
    "TextEncodeMageFlowEdit": _mage_flow,
    "TextEncodeZImageOmni": _z_image_omni,
}
"""ComfyUI's nodes that encode a text with pictures in it, as a family's `Controls.encoder` names them."""
