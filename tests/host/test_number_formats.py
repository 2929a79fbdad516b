"""E22, E23: which format `auto` means on a card, imitated on a CPU; and what is said of a model that gives NaN."""

import pytest
import torch

pytestmark = pytest.mark.usefixtures("comfy")


@pytest.fixture
def model():
    import comfy.sd
    import tiny

    def load(dtype=torch.float16):
        with torch.inference_mode():
            return comfy.sd.load_diffusion_model_state_dict(tiny.sd3_unet(), model_options={"dtype": dtype})

    return load


def card(monkeypatch, bf16):
    """A card that computes in float16, and in bfloat16 or not."""
    import comfy.model_management as mm

    monkeypatch.setattr(mm, "should_use_bf16", lambda device=None, **_: bf16)


def test_auto_is_bfloat16_where_the_host_would_take_float16(model, monkeypatch):
    from athanor.training_core.host import guard
    from athanor.training_core.host.model import trainable
    from athanor.training_core.host.precision import compute_dtype
    from athanor.training_core.run import checks
    from athanor.training_core.settings import TrainingSettings

    half = model()
    half.model.manual_cast_dtype = None
    assert compute_dtype(half, "auto") == torch.float16  # on a CPU nothing is asked for that the host has not chosen
    card(monkeypatch, bf16=True)
    assert compute_dtype(half, "auto") == torch.bfloat16 and compute_dtype(half, "fp16") == torch.float16
    checks.check_precision(TrainingSettings(full_precision="bf16"), half)  # weights follow
    with guard.training(), trainable(half, "auto") as host_model:
        assert host_model.compute_dtype == torch.bfloat16  # no scaler is made for it
    for dtype in (torch.float32, torch.bfloat16):
        assert compute_dtype(model(dtype), "auto") == dtype
    half.model.model_config.supported_inference_dtypes = [torch.float16, torch.float32]
    assert compute_dtype(half, "auto") == torch.float16  # a family that the host does not run in bfloat16
    del half.model.model_config.supported_inference_dtypes
    card(monkeypatch, bf16=False)
    assert compute_dtype(half, "auto") == torch.float16


def test_a_model_that_gives_nan_is_told_by_its_weights_or_its_format(model):
    from athanor.training_core.host import guard
    from athanor.training_core.host.finite import blame, first_broken
    from athanor.training_core.host.model import trainable

    whole = model(torch.float32)
    for precision, words in (
        ("fp16", "in float16, "),
        ("bf16", "set mixed_precision to no."),
        ("no", "ComfyUI generates"),
    ):
        with guard.training(), trainable(whole, precision) as host_model:
            assert first_broken(host_model.diffusion_model) == "" and words in blame(host_model)
    with torch.inference_mode():
        whole.model.diffusion_model.joint_blocks[1].x_block.mlp.fc1.weight[3, 2] = float("nan")
    with guard.training(), trainable(whole, "no") as host_model:
        assert blame(host_model) == (
            "the model's weight joint_blocks.1.x_block.mlp.fc1.weight contains NaN or infinity: load another file of the model."
        )
