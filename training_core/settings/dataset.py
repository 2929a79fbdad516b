"""Dataset Loader: where pictures and captions are, and how a caption becomes a training text."""

from __future__ import annotations

from typing import Literal

from PIL import ImageColor
from pydantic import field_validator

from .. import file_names
from ..errors import quoted
from .base import Settings, setting

MOST_REPEATS = 10_000
"""Times that a picture is seen in an epoch; a larger number in front of a folder's name is a date or an id."""


class DatasetSettings(Settings):
    """One folder of pictures with their caption files, and how its captions and pictures are varied."""

    folder: str = setting(
        "",
        "Folder with pictures and caption files: flat, or with sub-folders named 'N_name' (N = repeats, name = "
        "caption of pictures without a caption file). Relative paths are looked up in ComfyUI's input and "
        "datasets folders.",
        flag="train_data_dir",
    )
    repeats: int = setting(
        1,
        "How many times each picture of a flat folder is used per epoch (1 to 20 is usual). Sub-folders named "
        "'N_name' set their own number.",
        flag="dataset_repeats",
        ge=1,
        le=MOST_REPEATS,
    )
    nested_folders: bool = setting(
        False,
        "Also read pictures in sub-folders of any name and depth. Those named 'N_name' keep their repeats and "
        "class tokens; others use those of their parent folder.",
        advanced=True,
    )
    caption_extension: str = setting(
        ".txt",
        "Extension of the caption files, as in picture.png and picture.txt.",
        flag="caption_extension",
        advanced=True,
    )
    class_tokens: str = setting(
        "",
        "Caption for pictures in a flat folder that have no caption file, for example a trigger word and its "
        "class: 'sks dog'.",
        flag="class_tokens",
    )
    shuffle_caption: bool = setting(
        False,
        "Shuffle the comma-separated tags of each caption again in every epoch. Use it for tags; leave it off for"
        " sentences.",
        flag="shuffle_caption",
    )
    keep_tokens: int = setting(
        0,
        "Number of tags at the start of the caption that keep their place when tags are shuffled (1 keeps a "
        "trigger word in front).",
        flag="keep_tokens",
        ge=0,
        le=255,
    )
    keep_tokens_separator: str = setting(
        "",
        "Text between fixed and shuffled tags, such as |||; tags after a second one are fixed at the end. "
        "Overrides keep_tokens.",
        flag="keep_tokens_separator",
        advanced=True,
    )
    caption_separator: str = setting(
        ",", "Text between two tags, usually a comma.", flag="caption_separator", advanced=True
    )
    secondary_separator: str = setting(
        "",
        "Text that joins tags which must stay together when shuffled, such as ;;; (it is then replaced by the "
        "caption separator).",
        flag="secondary_separator",
        advanced=True,
    )
    caption_prefix: str = setting("", "Added before every caption, for example a trigger word.", flag="caption_prefix")
    caption_suffix: str = setting("", "Added after every caption.", flag="caption_suffix", advanced=True)
    caption_dropout_rate: float = setting(
        0.0,
        "Chance that a picture is trained without its caption (0 to 0.1 is usual). Helps classifier-free guidance"
        " (cfg).",
        flag="caption_dropout_rate",
        ge=0,
        le=1,
        step=0.01,
        advanced=True,
    )
    caption_dropout_every_n_epochs: int = setting(
        0,
        "Train every n-th epoch without captions; 0 = never.",
        flag="caption_dropout_every_n_epochs",
        ge=0,
        le=10000,
        advanced=True,
    )
    caption_tag_dropout_rate: float = setting(
        0.0,
        "Chance that each tag is dropped (0 to 0.2 is usual). Tags protected by keep_tokens stay.",
        flag="caption_tag_dropout_rate",
        ge=0,
        le=1,
        step=0.01,
        advanced=True,
    )
    token_warmup_min: int = setting(
        1,
        "Number of tags used at the first step; it grows until token_warmup_step.",
        flag="token_warmup_min",
        ge=1,
        le=255,
        advanced=True,
    )
    token_warmup_step: float = setting(
        0.0,
        "Step from which all tags are used, starting with token_warmup_min tags. Below 1: a part of the run; 0 = off.",
        flag="token_warmup_step",
        ge=0,
        le=1_000_000,
        step=0.01,
        advanced=True,
    )
    enable_wildcard: bool = setting(
        False,
        "Pick again in every epoch: one of {a|b|c}, and one line of captions with several lines. Off: only the "
        "first line is used.",
        flag="enable_wildcard",
        advanced=True,
    )
    flip_aug: bool = setting(
        False,
        "Mirror pictures at random. Not for subjects whose left and right differ, such as text or parted hair.",
        flag="flip_aug",
    )
    random_crop: bool = setting(
        False,
        "Crop at a random place, whatever the Bucketer's crop_anchor says: one of four places per picture, so "
        "that latents can be cached.",
        flag="random_crop",
        advanced=True,
    )
    color_aug: bool = setting(
        False,
        "Shift the colours slightly in a third of the samples: one of four shifts per picture, so that latents "
        "can be cached.",
        flag="color_aug",
        advanced=True,
    )
    is_reg: bool = setting(
        False,
        "These are regularization pictures, which show what the model should not forget. They are repeated until "
        "there are as many as the others, and weighted with prior_loss_weight.",
        flag="reg_data_dir",
        advanced=True,
    )
    alpha_mask: bool = setting(
        False,
        "Transparent parts of a picture do not count in the loss; the colours beneath them are used as they are.",
        flag="alpha_mask",
        advanced=True,
    )
    mask_folder: str = setting(
        "",
        "Folder with black-and-white masks of the same file names: black parts do not count in the loss. Looked "
        "up in the dataset folder first, then like folder. Empty: no masks.",
        flag="conditioning_data_dir",
        advanced=True,
    )
    alpha_background: str = setting(
        "white",
        "Background colour for transparent parts, if alpha_mask is off: white, black, gray, #rrggbb.",
        advanced=True,
    )
    max_token_length: Literal["75", "150", "225", "unlimited"] = setting(
        "75",
        "Maximum caption length in CLIP tokens; longer captions are cut, with a warning. Use 225 for long tag "
        "lists. T5 and other encoders always read the whole caption.",
        flag="max_token_length",
        advanced=True,
    )
    weighted_captions: bool = setting(
        False,
        "Read (word:1.2) in captions as emphasis, like in prompts. Off: brackets are plain text.",
        flag="weighted_captions",
        advanced=True,
    )
    control_folder: str = setting(
        "",
        "For edit models: folder with what each picture is made from, under the same file name (several: name_1, "
        "name_2). Looked up in the dataset folder first, then beside it, then like folder. Empty: no control pictures.",
        advanced=True,
    )

    @field_validator("caption_extension")
    @classmethod
    def _ending(cls, value: str) -> str:
        unfit = "/" in value or "\\" in value or len(value) > 32 or file_names.trouble(f"x{value}")
        if not value.strip(".") or value != value.strip() or unfit:
            raise ValueError(
                f"caption_extension {quoted(value, 32)} is not an ending of file names: use one such as .txt."
            )
        return value

    @field_validator("alpha_background")
    @classmethod
    def _colour(cls, value: str) -> str:
        try:
            ImageColor.getrgb(value)
        except ValueError:  # of an unknown name, or of characters that are none
            raise ValueError(
                f"alpha_background {quoted(value)} is not a colour: use a name such as white, or #rrggbb."
            ) from None
        return value
