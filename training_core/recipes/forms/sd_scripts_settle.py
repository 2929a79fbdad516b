"""What is put right once a recipe of sd-scripts is known as a whole: settings that depend on each other."""

from __future__ import annotations

from ...errors import shortened
from ..draft import Draft
from ..recipe import Line
from ..rules import Said
from .sd_scripts_family import family


def settle(draft: Draft, said: Said) -> None:
    """Put into the draft what the recipe means and cannot be said option by option, with a line for each change."""
    _family(draft, said)
    _oft(draft, said)
    _sides(draft)
    _buckets(draft)


def _family(draft: Draft, said: Said) -> None:
    kind = family(said)
    if kind and not draft.get("model.family"):
        _tell(
            draft,
            "the model",
            kind,
            "model.family",
            kind,
            "An option that this kind alone has, or the name of its file, tells it.",
        )


def _oft(draft: Draft, said: Said) -> None:
    """Tell that OFT has another size here; its network_dim is the number of blocks there."""
    if draft.get("network.algo") == "diag-oft" and "oft" in str(said.get("network_module")):
        why = "sd-scripts' OFT has so many blocks, bounded by network_alpha; diag-oft here has blocks of this size: choose the rank anew."
        draft.lines.append(
            Line(name="network_dim of OFT", value=str(draft.get("network.rank")), kind="unknown", why=why)
        )


def _sides(draft: Draft) -> None:
    """Make sides multiples of the bucket's step, as sd-scripts does when it makes its list of buckets."""
    step = draft.get("buckets.bucket_reso_steps") if draft.get("buckets.enable_bucket") else 8
    if not isinstance(step, int) or step < 8 or step % 8:
        return
    for name in ("width", "height"):
        side = draft.get(f"buckets.{name}")
        if side % step and side >= step:
            why = f"Sides are multiples of {step} here: what is left over would be cropped there, too."
            _tell(draft, "resolution", str(side), f"buckets.{name}", max(64, side // step * step), why)


def _buckets(draft: Draft) -> None:
    """Let the limits of buckets hold the resolution; sd-scripts would stop there."""
    if not draft.get("buckets.enable_bucket"):
        return
    sides = draft.get("buckets.width"), draft.get("buckets.height")
    least, most = draft.get("buckets.min_bucket_reso"), draft.get("buckets.max_bucket_reso")
    if most < max(sides):
        why = "sd-scripts stops where the longest side of a bucket is below the resolution: raised to twice the resolution."
        _tell(draft, "max_bucket_reso", str(most), "buckets.max_bucket_reso", min(16384, 2 * max(sides)), why)
    if least > min(sides):
        why = "sd-scripts stops where the shortest side of a bucket is above the resolution: lowered to half of it."
        _tell(draft, "min_bucket_reso", str(least), "buckets.min_bucket_reso", max(32, min(sides) // 2 // 8 * 8), why)


def _tell(draft: Draft, name: str, value: str, path: str, new: object, why: str) -> None:
    to = draft.put(path, new)
    draft.lines.append(Line(name=name, value=shortened(value, 120), kind="translated", to=to, why=why))
