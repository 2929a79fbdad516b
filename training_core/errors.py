"""The one exception that users meet: a sentence that names the field or file and what to do."""

from __future__ import annotations


class AthanorError(ValueError):
    """Bad input or a state that cannot go on. The message is one sentence for the user."""
