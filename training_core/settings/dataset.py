"""Dataset Loader: where pictures and captions are, and how a caption becomes a training text."""

from __future__ import annotations

from .base import Settings, setting


class DatasetSettings(Settings):
    """One folder of pictures with captions beside them."""

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
