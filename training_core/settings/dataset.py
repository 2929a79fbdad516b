"""Dataset Loader: where pictures and captions are, and how a caption becomes a training text."""

from __future__ import annotations

from typing import Literal

from PIL import ImageColor
from pydantic import field_validator

from .base import Settings, setting


class DatasetSettings(Settings):
    """One folder of pictures with their caption files, and how its captions and pictures are varied."""

    folder: str = setting(
        "",
        "Folder with pictures and their caption files. Either flat, or with sub-folders named 'N_name' "
        "(N = repeats, name = caption of pictures without a caption file). A relative path is looked up in "
        "ComfyUI's input and datasets folders.",
        flag="train_data_dir",
    )
    repeats: int = setting(
        1,
        "How often each picture of a flat folder is seen per epoch (1 to 20 is usual). Sub-folders named "
        "'N_name' bring their own number.",
        flag="dataset_repeats",
        ge=1,
        le=10000,
    )
    nested_folders: bool = setting(
        False,
        "Also read pictures in sub-folders of any name and depth. Those named 'N_name' keep their repeats and class "
        "tokens, others take those of the folder around them.",
    )
    caption_extension: str = setting(
        ".txt",
        "Ending of the caption files, as in picture.png and picture.txt.",
        flag="caption_extension",
        advanced=True,
    )
    class_tokens: str = setting(
        "",
        "Caption of pictures in a flat folder that have no caption file, for example a trigger word and its "
        "class: 'sks dog'.",
        flag="class_tokens",
    )
    shuffle_caption: bool = setting(
        False,
        "Shuffle the comma-separated tags of each caption anew in every epoch. For tag captions; leave it off for "
        "sentences.",
        flag="shuffle_caption",
    )
    keep_tokens: int = setting(
        0,
        "How many tags at the start of the caption keep their place when tags are shuffled (1 keeps a trigger "
        "word in front).",
        flag="keep_tokens",
        ge=0,
        le=255,
    )
    keep_tokens_separator: str = setting(
        "",
        "Text that separates fixed tags from shuffled ones, such as |||; tags after a second one are fixed at the end. "
        "Wins over keep_tokens.",
        flag="keep_tokens_separator",
        advanced=True,
    )
    caption_separator: str = setting(",", "What separates tags.", flag="caption_separator", advanced=True)
    secondary_separator: str = setting(
        "",
        "Text that joins tags which must stay together when shuffled, such as ;;; (becomes the caption separator).",
        flag="secondary_separator",
        advanced=True,
    )
    caption_prefix: str = setting("", "Put before every caption, for example a trigger word.", flag="caption_prefix")
    caption_suffix: str = setting("", "Put after every caption.", flag="caption_suffix", advanced=True)
    caption_dropout_rate: float = setting(
        0.0,
        "Chance that a picture is trained without its caption (0 to 0.1); helps guidance.",
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
        "Chance that a single tag is left out (0 to 0.2); tags kept by keep_tokens stay.",
        flag="caption_tag_dropout_rate",
        ge=0,
        le=1,
        step=0.01,
        advanced=True,
    )
    token_warmup_min: int = setting(
        1, "How many tags are used at the first step.", flag="token_warmup_min", ge=1, le=255, advanced=True
    )
    token_warmup_step: float = setting(
        0.0,
        "Step at which all tags are used, starting from token_warmup_min; below 1 a part of the run, 0 = off.",
        flag="token_warmup_step",
        ge=0,
        le=1_000_000,
        step=0.01,
        advanced=True,
    )
    enable_wildcard: bool = setting(
        False,
        "Choose anew in every epoch: one of {a|b|c}, and one line of captions with several lines. Off: the first line.",
        flag="enable_wildcard",
        advanced=True,
    )
    flip_aug: bool = setting(
        False, "Mirror pictures at random. Not for things with a left and a right: text, parted hair.", flag="flip_aug"
    )
    random_crop: bool = setting(
        False,
        "Cut what is cropped from a random place, whatever the Bucketer's crop_anchor says (one of four places per "
        "picture, so that latents can be kept).",
        flag="random_crop",
        advanced=True,
    )
    color_aug: bool = setting(
        False,
        "Shift colours a little in a third of the samples (one of four shifts per picture, so that latents can be kept).",
        flag="color_aug",
        advanced=True,
    )
    is_reg: bool = setting(
        False,
        "These are regularization pictures: what the model should not forget. They are repeated until there are as many "
        "as the others, and count with prior_loss_weight.",
        flag="reg_data_dir",
    )
    alpha_mask: bool = setting(
        False,
        "Transparent parts of a picture do not count in the loss; the colours beneath are used as they are.",
        flag="alpha_mask",
    )
    mask_folder: str = setting(
        "",
        "Folder with black-and-white pictures of the same names: black parts do not count in the loss. Looked up in the "
        "dataset folder first, then like folder. Empty: none.",
        flag="conditioning_data_dir",
        advanced=True,
    )
    alpha_background: str = setting(
        "white",
        "Colour behind transparent parts, when alpha is not the mask: white, black, gray, #rrggbb.",
        advanced=True,
    )
    max_token_length: Literal["75", "150", "225", "unlimited"] = setting(
        "75",
        "Longest caption in CLIP tokens; what is longer is cut, with a warning. 225 for long tag lists. T5 and other "
        "encoders always read the whole caption.",
        flag="max_token_length",
    )
    weighted_captions: bool = setting(
        False,
        "Read (word:1.2) in captions as emphasis, as prompts do. Off: brackets are plain text.",
        flag="weighted_captions",
        advanced=True,
    )

    @field_validator("alpha_background")
    @classmethod
    def _colour(cls, value: str) -> str:
        try:
            ImageColor.getrgb(value)
        except ValueError:
            raise ValueError(
                f"alpha_background '{value}' is no colour: give a name such as white, or #rrggbb."
            ) from None
        return value
