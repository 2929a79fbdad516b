"""Text that is drawn, whatever is in it."""

from __future__ import annotations

import pytest
from athanor.training_core import drawing
from PIL import Image, ImageDraw


@pytest.mark.parametrize("end", ["\r", "\x1c", "\x1e", "\x85", "\u2028", "\u2029"])
def test_a_character_that_ends_a_paragraph_is_a_blank(end):
    """Pillow's text layout fails for it between two scripts, wherever a label, a title or a note has one."""
    text = f"猫{end}ü"
    pen = ImageDraw.Draw(Image.new("RGB", (80, 20)))
    pen.text((0, 0), text, font=drawing.font_for(text, 12))
    assert drawing.font_for(text, 12).getlength(text) > 0
    assert pen.textbbox((0, 0), text, font=drawing.font_for(text, 12))[2] > 0
