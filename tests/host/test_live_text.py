"""Text encoders that are trained: what they answer, what is learned, and what the file does in the stock loader."""

from __future__ import annotations

import contextlib
import hashlib

import pytest
import torch

pytestmark = pytest.mark.usefixtures("comfy")

PREFIXES = {
    "sd15": ["lora_te"],
    "sdxl": ["lora_te1", "lora_te2"],
    "refiner": ["lora_te"],  # CLIP-G alone
    "sd3": ["lora_te1", "lora_te2", "lora_te3"],
    "flux": ["lora_te1", "lora_te3"],
    "pixart": ["lora_te1"],  # T5 alone, as Chroma has it, too
}
ALGOS = {
    "lora": {},
    "dora": {"dora": True},
    "loha": {"algo": "loha"},
    "lokr": {"algo": "lokr", "factor": 4},
    "full": {"algo": "full"},
    "diag-oft": {"algo": "diag-oft"},
    "ia3": {"algo": "ia3"},
}
LONG = {"refiner": [pytest.mark.long]}
"""Its CLIP-G is one of SDXL's encoders."""
COVERED = [
    pytest.param(f, a, marks=[pytest.mark.long] * (f == "refiner" or (f == "sdxl" and a != "lora")))
    for f in PREFIXES
    for a in ALGOS
    if f in ("sd15", "sdxl") or a == "lora" or (f, a) == ("flux", "lokr")
]
"""T5 is slow; its layers are Linear as CLIP's are. SDXL's two CLIPs have the layers of SD1.5's, which has every algo."""

CAPTION = "a (red) circle, very nice"


@pytest.fixture(scope="module", params=[pytest.param(name, marks=LONG.get(name, [])) for name in PREFIXES])
def loaded(request, comfy):
    import tiny_text

    with torch.inference_mode():  # as the host's executor does it
        return request.param, tiny_text.load(request.param)


def digest(clip) -> str:
    hasher = hashlib.sha256()
    for name, value in sorted(clip.cond_stage_model.state_dict().items()):
        hasher.update(name.encode() + value.numpy().tobytes())
    return hasher.hexdigest()


def parts(family, live):
    from athanor.training_core.host import text
    from athanor.training_core.network.build import Part

    found = text.trainable(live.model, numbered=family != "sd15")
    assert list(found) == PREFIXES[family]
    return [Part(module, prefix) for prefix, module in found.items()]


def trained(family, clip, settings, checkpointing=False):
    """(encoding before, encoding after some steps, tensors of the file, names that had no gradient, verdict)."""
    from athanor.training_core.host import guard, patches, weights
    from athanor.training_core.host import live_text as live_module
    from athanor.training_core.host.selfcheck import Check
    from athanor.training_core.network import build, files, portable

    with guard.training(), contextlib.ExitStack() as stack:
        taken = stack.enter_context(weights.lent(clip.patcher))
        live = live_module.LiveText(clip, taken.patcher)
        import comfy.model_management as mm

        mm.load_models_gpu([live.patcher], force_full_load=True)
        taken.settle()
        with torch.no_grad():
            before = live(CAPTION)

        recompute = patches.checkpointed(live.model, "all" if checkpointing else "off")
        check = Check(None, live.model)
        with (
            patches.differentiable(live.model),
            recompute,
            build.attached(parts(family, live), settings, 0, torch.device("cpu")) as network,
        ):
            optimizer = torch.optim.SGD(network.parameters(), lr=1e-2)
            generator = torch.Generator().manual_seed(5)
            target = torch.randn(before.cond.shape, generator=generator)
            for _ in range(2):
                now = live(CAPTION)
                loss = (now.cond - target).square().mean()
                pooled = now.extras.get("pooled_output")
                loss = loss if pooled is None else loss + (pooled - 1).square().mean()
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            gradients = [None if p.grad is None else p.grad.clone() for p in network.parameters()]
            idle = {name for name, p in network.named_parameters() if p.grad is None}
            with torch.no_grad():
                for parameter in network.parameters():
                    parameter += 0.02 * torch.randn(parameter.shape, generator=generator)
            network.eval()
            with torch.no_grad():
                after = live(CAPTION)
                tensors = files.tensors_for_file(portable.state(network), "float", network.renames())
                verdict = check(network, tensors)
    return before, after, tensors, idle, verdict, gradients


@pytest.mark.parametrize(("loaded", "name"), COVERED, indirect=["loaded"], scope="module")  # else loaded anew for each
def test_the_file_changes_the_stock_clip_as_in_training(loaded, name):
    import comfy.sd
    from athanor.training_core.host import text
    from athanor.training_core.settings import NetworkSettings

    family, clip = loaded
    before_hash = digest(clip)
    settings = NetworkSettings(**{"rank": 4, "alpha": 4.0, "train": "text encoder"} | ALGOS[name])
    before, after, tensors, idle, verdict, _ = trained(family, clip, settings)
    assert digest(clip) == before_hash
    assert not any("forward" in m.__dict__ for m in clip.cond_stage_model.modules())
    plain, _ = text.encode(clip, CAPTION)
    assert torch.allclose(plain.cond, before.cond, atol=1e-5)  # the live encoder is the graph's
    # Only a layer behind the one that is read has nothing to learn.
    assert all("layers_2" in key for key in idle), idle
    assert {key.partition("_text_model")[0].partition("_encoder_block")[0] for key in tensors} == set(PREFIXES[family])
    assert verdict.unmatched == () and verdict.trouble("float") == ""
    with torch.inference_mode():
        _, patched = comfy.sd.load_lora_for_models(None, clip, tensors, 1.0, 1.0)
    loaded_text, _ = text.encode(patched, CAPTION)
    effect = (after.cond - before.cond).norm()
    assert effect > 1e-3 * before.cond.norm()
    assert (loaded_text.cond - after.cond).norm() < 1e-3 * effect
    again, _ = text.encode(clip, CAPTION)
    assert torch.allclose(again.cond, plain.cond, atol=1e-6)


def test_checkpointing_gives_the_same_gradients(loaded):
    from athanor.training_core.settings import NetworkSettings

    family, clip = loaded
    settings = NetworkSettings(rank=4, alpha=4.0, train="text encoder")
    plain, recomputed = (trained(family, clip, settings, c)[-1] for c in (False, True))
    for a, b in zip(plain, recomputed, strict=True):
        assert (a is None and b is None) or torch.allclose(a, b, rtol=1e-4, atol=1e-7)


def test_one_encoder_can_be_left_out(loaded):
    """A dropped encoder answers zeros, live as cached."""
    from athanor.training_core.host import guard, text
    from athanor.training_core.host.live_text import LiveText

    family, clip = loaded
    names = text.encoders(clip)
    if family in ("sd15", "refiner", "pixart"):
        assert names == []
        return
    cached, _ = text.encode(clip, CAPTION, without=[names[-1]])
    with guard.training(), torch.no_grad():
        live = LiveText(clip)(CAPTION, without=[names[-1]])
    assert torch.allclose(cached.cond, live.cond, atol=1e-5)


def test_an_encoder_that_no_lora_format_knows_is_refused():
    from athanor.training_core.errors import AthanorError
    from athanor.training_core.host import text

    class Gemma(torch.nn.Module):
        pass

    with pytest.raises(AthanorError, match="train: the text encoder Gemma cannot be trained, only CLIP and T5-XXL can"):
        text.trainable(Gemma(), True)


def test_continue_from_a_file_with_text_encoders(loaded):
    """The values of the file are in the new network; a file without them is refused."""
    from athanor.training_core.errors import AthanorError
    from athanor.training_core.host import guard
    from athanor.training_core.host.live_text import LiveText
    from athanor.training_core.network import build, weights
    from athanor.training_core.settings import NetworkSettings

    family, clip = loaded
    settings = NetworkSettings(rank=4, alpha=4.0, train="text encoder")
    tensors = trained(family, clip, settings)[2]
    with guard.training():
        network = build.create(parts(family, LiveText(clip)), settings, 9)
        weights.load_into(network, settings, tensors, {}, network.renames())
        for lora in network.loras:
            assert torch.allclose(lora.lora_up.weight, tensors[f"{lora.lora_name}.lora_up.weight"])
        some = {key: value for key, value in tensors.items() if "layers_1" not in key and "block_1" not in key}
        with pytest.raises(AthanorError, match="is not in the file"):
            weights.load_into(network, settings, some, {}, network.renames())
