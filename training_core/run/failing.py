"""What a run says where code of others fails: a text encoder, a VAE, the model on a batch. See `host/foreign`."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager

from ..data.plan import Buckets, PlannedBatch
from ..errors import quoted
from ..host.foreign import telling
from ..wording import first_few

_MODEL = "the model cannot work with these pictures, most often because of their size: set another width and height in Bucketer"
_VAE = "connect the VAE that belongs to this model (Load VAE), or remove the picture from the folder"
_TEXT = "connect the CLIP that belongs to this model, or change the text"


def on_text(kind: str, text: str) -> AbstractContextManager[None]:
    """Return the context in which a text is encoded; `kind`: 'caption' or 'prompt'."""
    return telling(lambda: f"The text encoder cannot read the {kind} {quoted(text)}", _TEXT)


def on_pictures(names: Sequence[str]) -> AbstractContextManager[None]:
    """Return the context in which the VAE encodes these pictures."""
    return telling(lambda: f"The VAE cannot encode {first_few(names)}", _VAE)


def on_batches(what: str, batches: Sequence[PlannedBatch], buckets: Buckets) -> AbstractContextManager[None]:
    """Return the context in which the model works on batches; `what`: what it does there, 'Step 3 fails'."""

    def where() -> str:
        samples = [sample for batch in batches for sample in batch.samples]
        names = dict.fromkeys(buckets.dataset.pictures[sample.variant.picture].name for sample in samples)
        sizes = dict.fromkeys("{}x{}".format(*batch.bucket) for batch in batches)
        return f"{what} with {first_few(list(names))} at {first_few(list(sizes))} pixels"

    return telling(where, _MODEL)
