"""Between which learning rates each optimizer is used, and a hint where one is far outside of them."""

from __future__ import annotations

from dataclasses import dataclass

from ..settings import OptimizerSettings
from . import names

FAR = 10.0
"""So many times below the lowest or above the highest usual rate is far: what is merely unusual is nobody's mistake."""


@dataclass(frozen=True, slots=True)
class Usual:
    """The learning rates that an optimizer is used with, and one to start with."""

    low: float
    high: float
    start: float


_ADAM = Usual(1e-6, 1e-3, 1e-4)
_FINETUNE = Usual(1e-7, 1e-4, 1e-5)
"""Of a whole model, by an optimizer of Adam's kind: sd-scripts' fine-tuning documents have 1e-6 to 1e-5."""

USUAL = {
    # sd-scripts' train_network documents and LoRA's paper: 1e-5 to 1e-3; LyCORIS' guidelines: 5e-3 and more for IA3.
    **dict.fromkeys(("AdamW", "Adam", "NAdam", "RAdam", "RMSprop", "Adafactor"), _ADAM),
    **dict.fromkeys(("AdamW8bit", "PagedAdamW8bit", "PagedAdamW", "PagedAdamW32bit"), _ADAM),
    **dict.fromkeys(("AdEMAMix8bit", "PagedAdEMAMix8bit"), _ADAM),
    # Chen et al. 2023 (Lion): a third to a tenth of AdamW's.
    **dict.fromkeys(("Lion", "Lion8bit", "PagedLion8bit"), Usual(1e-7, 3e-4, 3e-5)),
    # Defazio et al. 2024 (schedule-free): 1 to 10 times AdamW's, and 10 to 50 times SGD's.
    **dict.fromkeys(("AdamWScheduleFree", "RAdamScheduleFree"), Usual(1e-5, 1e-2, 5e-4)),
    "SGDScheduleFree": Usual(1e-1, 1e2, 1e1),
    # torch.optim's defaults are 1e-2 for Adagrad and 1e-3 for SGD, which scales its steps by nothing.
    "Adagrad": Usual(1e-4, 1e-1, 1e-2),
    **dict.fromkeys(("SGD", "SGDNesterov", "SGDNesterov8bit"), Usual(1e-2, 1e1, 1e-1)),
}
"""By optimizer_type. D-Adaptation and Prodigy find the rate themselves, about which `hints` has its own sentence."""


def far_off(settings: OptimizerSettings, *, unet: bool, text: bool, whole: bool) -> str:
    """Return a sentence on learning rates far from those that the optimizer is used with; '' if there are none.

    Args:
        settings: of Optimizer Config.
        unet: whether the diffusion model is trained.
        text: whether text encoders are.
        whole: whether the model itself is trained, and not a network beside it.
    """
    name = names.named(settings).rpartition(".")[2]
    usual = USUAL.get(name)
    if usual is None or names.adapts(settings) or names.relative_step(settings):
        return ""
    usual = _FINETUNE if whole and usual is _ADAM else usual
    far = [(field, rate) for field, rate in _rates(settings, unet, text) if not _near(rate, usual)]
    if not far:
        return ""
    said = " and ".join(f"{field} {plain(rate)}" for field, rate in far)
    what = f"{said} are far" if len(far) > 1 else f"{said} is far"
    return (
        f"Optimizer Config: {what} from what {name} is used with{' on a whole model' * (usual is _FINETUNE)}, "
        f"{plain(usual.low)} to {plain(usual.high)}: start with {plain(usual.start)}."
    )


def _near(rate: float, usual: Usual) -> bool:
    return usual.low / FAR <= rate <= usual.high * FAR


def _rates(settings: OptimizerSettings, unet: bool, text: bool) -> list[tuple[str, float]]:
    """Return (field, rate) of all rates that something is trained with."""
    own, encoders = settings.unet_rates(), settings.text_encoder_rates()
    rates = [("unet_lr", rate) for rate in own if unet] + [("text_encoder_lr", rate) for rate in encoders if text]
    if (unet and not own) or (text and not encoders):
        rates.insert(0, ("learning_rate", settings.learning_rate))
    return [(field, rate) for field, rate in dict.fromkeys(rates) if rate]


def plain(rate: float) -> str:
    """Return a rate as users write it: 1e-4, 0.003, 10."""
    mantissa, exponent = f"{rate:.1e}".split("e")
    return f"{rate:g}" if 1e-3 < rate < 1e4 else f"{float(mantissa):g}e{int(exponent)}"
