"""Training where a graphics card would: weights that move, and models with dynamic VRAM. Equal to the plain way; the graph's
models are untouched."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import types
from itertools import product
from unittest import mock

import cards
import pytest
import torch
from one_step import step, training
from test_families import CASES, positive, samples

pytestmark = pytest.mark.usefixtures("comfy")

FAMILIES = ["sd15", "sdxl", "sd3", "flux_dev"]


@functools.cache
def sd3():
    import comfy.memory_management
    import tiny

    with mock.patch.object(comfy.memory_management, "aimdo_enabled", False):
        return tiny.sd3_unet()


def load(name, stored=torch.float32, dtype=torch.float32):
    import comfy.sd
    import tiny_layouts

    with torch.inference_mode():
        if name != "sd3":
            return tiny_layouts.load(name, dtype=dtype, stored=stored)
        state = {key: value.to(stored) for key, value in sd3().items()}
        return comfy.sd.load_diffusion_model_state_dict(state, model_options={"dtype": dtype})


def weights(module):
    """What a model is made of: the very parameters and buffers, and their content."""
    found = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    return found, {name: content(value) for name, value in found.items()}


def content(value):
    return hashlib.sha256(value.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()).digest()


def attributes(module):
    return {n: set(m.__dict__) for n, m in module.named_modules()}


def drawn(model, case):
    """Two steps of the stock sampler."""
    import comfy.sample
    import comfy.samplers

    latents, texts, _ = samples(case)
    cond = positive(texts[0])
    sigmas = torch.tensor([0.9, 0.5, 0.1])
    noise = torch.randn(latents[:1].shape, generator=torch.Generator().manual_seed(3))
    with torch.inference_mode():
        sampler = comfy.samplers.ksampler("euler")
        given = (model, noise, 1.0, sampler, sigmas, cond, cond, latents[:1])
        return comfy.sample.sample_custom(*given, disable_pbar=True)


def unload():
    import comfy.model_management as mm

    with torch.inference_mode():  # as the host's executor does everything
        mm.unload_all_models()


@contextlib.contextmanager
def untouched(model, case):
    """Its weights are the very same afterwards, and it draws the same picture."""
    import comfy.model_management as mm

    picture = drawn(model, case)
    unload()
    own, before = weights(model.model)
    named = attributes(model.model)
    yield
    after, now = weights(model.model)
    assert not mm.current_loaded_models
    assert now == before and all(after[name] is value for name, value in own.items())
    assert attributes(model.model) == named
    assert torch.equal(drawn(model, case), picture)
    unload()


def trained(model, case, **options):
    """A step, and one more after the host has taken everything off the device in between."""
    with training(model, **options) as (host_model, network):
        first = step(host_model, network, *samples(case))
        unload()
        host_model.load()
        again = step(host_model, network, *samples(case))
    assert again.loss == first.loss and again.differs_from(first) == 0
    return first


SWAP = {"gradient_checkpointing": "all", "blocks_to_swap": 2}


@pytest.mark.parametrize(("name", "options"), [*((name, {}) for name in FAMILIES), ("flux_dev", SWAP)])
def test_weights_that_move(name, options):
    """A MODEL made in inference mode, which training is the first to move (no dynamic VRAM)."""
    case = CASES[name]
    plain = trained(load(name), case, **options)
    model = load(name)
    with cards.moving(), untouched(model, case):
        assert trained(model, case, **options).differs_from(plain) == 0


@pytest.mark.parametrize(
    ("name", "stored", "dtype"),
    [
        *((name, torch.float16, torch.float32) for name in FAMILIES),
        *((name, torch.float32, torch.bfloat16) for name in ("sd3", "flux_dev")),
    ],
)
def test_dynamic_vram(name, stored, dtype):
    """A file in another number format than the model's: trained as the plain patcher's model of the same format."""
    case = CASES[name]
    plain = trained(load(name, stored, dtype), case)
    with cards.dynamic():
        model = load(name, stored, dtype)
        assert model.is_dynamic() and model.cached_patcher_init is None  # as of a loader that is not the host's
        linear = next(p for m in model.model.modules() if isinstance(m, torch.nn.Linear) for p in m.parameters())
        assert linear.dtype == stored
        with cards.moving(), untouched(model, case):
            assert trained(model, case).differs_from(plain) < 1e-6


@pytest.mark.parametrize("patched", [False, True])
def test_weights_are_cast_once_where_the_device_has_memory_of_its_own(patched, monkeypatch):
    """A float16 file trained in bfloat16: the values are those of a cast in every layer, and none is made in a step."""
    from athanor.training_core.host import model as host

    case, base = CASES["sd3"], load("sd3", torch.float16, torch.float16)
    if patched:  # a LoRA of the graph is put on the file's own numbers
        key = next(k for k in base.model.state_dict() if k.endswith("mlp.fc1.weight"))
        base = base.clone()
        with torch.inference_mode():
            base.add_patches({key: (0.5 * torch.ones_like(base.model.state_dict()[key]),)}, 1.0)
    _, before = weights(base.model)
    each = trained(base, case, precision="bf16")
    monkeypatch.setattr(host, "CAST_ON", ("cpu",))
    with training(base, precision="bf16") as (host_model, network):
        kinds = {p.dtype for p in host_model.diffusion_model.parameters()}
        with casts() as found:
            once = step(host_model, network, *samples(case))
    assert kinds == {torch.bfloat16} and once.differs_from(each) == 0
    assert set(found) <= {(1, 16, 128)}  # the position table, which is no layer
    unload()
    assert weights(base.model)[1] == before


def test_parameters_of_a_fine_tune_have_one_order():
    """A state counts them: with dynamic VRAM the host's layers have theirs in the order of the file, bias before weight."""
    import comfy.sd
    from athanor.training_core.network import finetune
    from athanor.training_core.settings import NetworkSettings

    def names(model):
        return [name for *_, name in finetune.chosen(model.model.diffusion_model, NetworkSettings(algo="finetune"))]

    plain = load("sd3")
    with cards.dynamic():
        dynamic = comfy.sd.load_diffusion_model_state_dict(dict(sorted(sd3().items())))
    own, others = ([name for name, _ in m.model.diffusion_model.named_parameters()] for m in (plain, dynamic))
    assert own != others and names(dynamic) == names(plain) == own


def test_pages_that_the_host_has_pinned_are_unpinned(monkeypatch):
    """Where memory is short the host leaves layers in main memory and pins them: by their address, which only training's own
    weights have."""
    import comfy.model_management as mm
    from athanor.training_core.host import model as host

    pinned, strangers = {}, []

    def pin(value):
        return pinned.setdefault(value.data_ptr(), value) is value and value.nbytes > 0

    def unpin(value):
        if pinned.pop(value.data_ptr(), None) is None:
            strangers.append(tuple(value.shape))

    model = load("sd3", torch.float16, torch.float16)
    monkeypatch.setattr(mm, "pin_memory", pin)
    monkeypatch.setattr(mm, "unpin_memory", unpin)
    monkeypatch.setattr(host, "CAST_ON", ("cpu",))
    with cards.moving(), untouched(model, CASES["sd3"]):
        with training(model, precision="bf16") as (host_model, _):
            host_model.patcher.partially_unload(torch.device("cpu"), host_model.patcher.model_size() // 2)
            assert len(pinned) > 4
            for lent in host_model._lent:
                lent.settle()  # as after a load that leaves them there (--novram)
        assert not pinned and not strangers and not model.pinned


def test_a_model_is_the_same_loaded_or_not():
    """With dynamic VRAM what is loaded at once is in the model's number format, and the file's is kept beside it."""
    from athanor.training_core.host import fingerprint

    with cards.dynamic():
        model = load("sd3", torch.float16, torch.float32)
        before = fingerprint.diffusion_model(model)
        drawn(model, CASES["sd3"])
        assert model.backup_buffers
        assert fingerprint.diffusion_model(model) == before
        unload()
        assert fingerprint.diffusion_model(model) == before


@contextlib.contextmanager
def casts():
    """Casts between two formats of 16 bits."""
    from torch.utils._python_dispatch import TorchDispatchMode

    found = []

    class Watch(TorchDispatchMode):
        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            cast = function.overloadpacket.__name__ == "_to_copy"
            if cast and {args[0].dtype, (kwargs or {}).get("dtype")} == {torch.float16, torch.bfloat16}:
                found.append(tuple(args[0].shape))
            return function(*args, **(kwargs or {}))

    with Watch():
        yield found


def test_only_what_steps_take_is_asked_for_when_the_model_is_loaded_again(monkeypatch):
    """The first time everything else leaves the device; later a VAE that there is room for can stay."""
    import comfy.model_management as mm
    from athanor.training_core.host import model as host

    asked, plain = [], mm.load_models_gpu
    monkeypatch.setattr(
        mm, "load_models_gpu", lambda models, **how: (asked.append(how["memory_required"]), plain(models, **how))
    )
    model = load("sd3")
    size = sum(p.nbytes for p in model.model.parameters())
    monkeypatch.setattr(host, "peak", lambda _device: size + 5_000_000)
    with training(model) as (host_model, _):
        host_model.load()
        host_model.load()
    assert asked == [host.EVERYTHING, 5_000_000, 5_000_000]


def test_algo_full_goes_on_after_the_model_was_loaded_again():
    """It takes the weights off its layers, where the host looks for them when it loads."""
    from athanor.training_core.settings import NetworkSettings

    model = load("sd3")
    with untouched(model, CASES["sd3"]):
        trained(model, CASES["sd3"], network=NetworkSettings(algo="full"))


def test_weights_that_are_nowhere():
    """One sentence before anything is encoded."""
    from athanor.training_core.errors import AthanorError
    from athanor.training_core.host import weights as lending

    model = load("sd3")
    model.model.diffusion_model.table = torch.nn.Parameter(torch.empty(3, device="meta"), requires_grad=False)
    with pytest.raises(AthanorError, match=r"model: its weight diffusion_model.table is not in memory"):
        lending.check(model)
    with pytest.raises(AthanorError, match="model: SimpleNamespace is no model of ComfyUI's own kind"):
        lending.check(types.SimpleNamespace(model=None))


@pytest.mark.parametrize(
    ("family", "how"),
    [
        *(product(["sd15", "sdxl", "flux"], ["moving", "dynamic"])),
        ("sd3", "dynamic"),
        pytest.param("sd3", "moving", marks=pytest.mark.long),  # its three are those of sdxl and flux
    ],
)
def test_text_encoders(family, how):
    """Trained beside the model, from a float16 file; the graph's CLIP is untouched."""
    import tiny_text

    model = load("sd3")  # any: what the encoders give is looked at, not what is made of it
    with torch.inference_mode():
        state = {k: v.half() for k, v in tiny_text.load(family).cond_stage_model.state_dict().items()}
        clip = tiny_text.load(family, {k: v.float() for k, v in state.items()})
    plain = encoded(model, clip, family)
    with torch.inference_mode(), contextlib.ExitStack() as stack:
        if how == "dynamic":
            stack.enter_context(cards.dynamic())
        other = tiny_text.load(family, state if how == "dynamic" else {k: v.float() for k, v in state.items()})
    assert other.patcher.is_dynamic() is (how == "dynamic")
    unload()
    own, before = weights(other.cond_stage_model)
    with cards.moving():
        for mine, wanted in zip(encoded(model, other, family), plain, strict=True):
            assert torch.allclose(mine, wanted, rtol=1e-4, atol=1e-6 * wanted.abs().max().item())
    after, now = weights(other.cond_stage_model)
    assert now == before and all(after[name] is value for name, value in own.items())


def encoded(model, clip, family):
    """A caption's encoding, and gradients of a network on the encoders; with everything loaded again in between."""
    from athanor.training_core.host import guard, text
    from athanor.training_core.host.model import trainable
    from athanor.training_core.network import build
    from athanor.training_core.settings import NetworkSettings

    settings = NetworkSettings(rank=2, alpha=2.0, train="text encoder")
    with guard.training(), trainable(model, "auto", clip=clip) as host_model:
        found = text.trainable(host_model.encoders, numbered=family != "sd15")
        parts = [build.Part(module, prefix) for prefix, module in found.items()]
        with build.attached(parts, settings, 0, host_model.device) as network:
            for lora in network.loras:
                torch.nn.init.normal_(lora.lora_up.weight, std=0.05, generator=torch.Generator().manual_seed(1))
            unload()
            host_model.load()
            made = host_model.text("a red circle")
            made.cond.square().mean().backward()
            return [made.cond.detach(), *(p.grad for p in network.parameters() if p.grad is not None)]


@pytest.mark.parametrize("how", ["plain", "moving", "dynamic"])
def test_a_full_fine_tune_goes_on_after_the_model_was_loaded_again(how):
    """What is trained stays trained: a picture drawn in between, or something newly encoded, pushes the model out."""
    from athanor.training_core.host import checkpoint, guard
    from athanor.training_core.host.model import trainable
    from athanor.training_core.network import finetune
    from athanor.training_core.objective import Objective
    from athanor.training_core.run.step import Stepper
    from athanor.training_core.settings import LossSettings, NetworkSettings, NoiseSettings

    case, settings = CASES["sd3"], NetworkSettings(algo="finetune", include="joint_blocks")

    def learnt(model, again):
        with (
            guard.training(),
            trainable(model, "auto", whole=True) as host_model,
            finetune.attached(
                host_model.diffusion_model, settings, host_model.device, checkpoint.compute_in_input_format
            ) as tuned,
        ):
            objective = Objective(LossSettings(), NoiseSettings(), host_model.schedule)
            optimizer = torch.optim.AdamW(tuned.parameters(), lr=1e-3)
            scaler = torch.amp.GradScaler("cpu", enabled=False)
            take = Stepper(
                predict=host_model.predict,
                objective=objective,
                network=tuned,
                optimizer=optimizer,
                max_grad_norm=1.0,
                seed=0,
                scaler=scaler,
            )
            batch = host_model.batch(*samples(case), [1.0, 1.0])
            losses = []
            for number in range(4):
                losses += take(number, 1e-3, [batch]).losses.tolist()
                if again:
                    unload()
                    host_model.load()
            return losses, [p.detach().clone() for p in tuned.parameters()]

    stored = torch.float16 if how == "dynamic" else torch.float32
    wanted, values = learnt(load("sd3", stored), again=False)
    with contextlib.ExitStack() as stack:
        if how == "dynamic":
            stack.enter_context(cards.dynamic())
        model = load("sd3", stored)
        if how != "plain":
            stack.enter_context(cards.moving())
        with untouched(model, case):
            losses, found = learnt(model, again=True)
    assert losses == pytest.approx(wanted, rel=1e-5)
    assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(found, values, strict=True))
