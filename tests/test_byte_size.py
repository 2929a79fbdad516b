"""Sizes as text; tests/web/test_store.py compares the page's."""

from __future__ import annotations

import pytest
from athanor.training_core.byte_size import format_bytes


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0.00 KB"),
        (1023, "1.00 KB"),
        (10_240, "10.0 KB"),
        (2**20, "1.00 MB"),
        (100 * 2**20, "100 MB"),
        (24 * 2**30, "24.0 GB"),
    ],
)
def test_units_are_powers_of_1024(count, text):
    """One file had 104.9 MB in the report and 100.0 MB where it was refused, as --max-upload-size counts."""
    assert format_bytes(count) == text
