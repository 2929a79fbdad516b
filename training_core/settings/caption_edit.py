"""Caption Edit: which tags are changed, in the order in which it happens."""

from __future__ import annotations

from .base import Settings, setting


class CaptionEditSettings(Settings):
    """Rules for the captions of a dataset. They are applied from top to bottom, repeatedly until nothing changes."""

    underscores: bool = setting(
        False,
        "First: replace underscores with spaces (long_hair becomes long hair). Emoticon tags such as ^_^ and o_o "
        "stay. On for most models, off for models trained on tags with underscores.",
    )
    replace: str = setting(
        "",
        "Second: one rule per line, 'old -> new'. Matches whole tags in upper or lower case; * in old stands for "
        "any text, and an empty new removes the tag. Examples: 'blonde hair -> long blonde hair', '* background "
        "-> indoors'.",
        multiline=True,
    )
    merge: str = setting(
        "",
        "Third: one rule per line, 'tag1 + tag2 -> phrase', for captions that have all of the tags. The phrase "
        "takes the place of the first. Example: 'red hair + long hair -> long red hair'.",
        multiline=True,
    )
    remove: str = setting(
        "",
        "Fourth: tags to remove, separated by commas or lines. Matches whole tags in upper or lower case; * "
        "stands for any text and ? for one character. Example: 'watermark, artist name, rating*'.",
        multiline=True,
    )
    dedupe: bool = setting(
        True,
        "Fifth: remove duplicate tags and keep the first; upper and lower case, underscores and escaped brackets "
        "make no difference. Usually on.",
    )
    front: str = setting(
        "",
        "Sixth: tags to move to the front in this order, if a caption has them, separated by commas or lines. "
        "Example: '1girl, solo'.",
        multiline=True,
    )
    trigger: str = setting(
        "",
        "Seventh: add this to the front of every caption, never twice: one tag or several, for example 'sks' or "
        "'sks, 1girl'. The rules above do not change it; regularization pictures do not get it.",
    )
    escape: bool = setting(
        False,
        "Last: escape brackets as \\( and \\), never twice. Only needed if captions are read as prompts "
        "(weighted_captions); usually off.",
    )
    write_files: bool = setting(
        False,
        "Also write the captions that this node changed to the caption files beside the pictures; the old files "
        "are first copied to captions_backup in the dataset folder. Leave it off until the preview is right.",
    )
