"""Training where a graphics card would: weights that move, and models with dynamic VRAM. Equal to the plain way; the graph's
models are untouched."""

from __future__ import annotations

import contextlib
import types

import cards
import pytest
import torch
from card_models import drawn, load, sd3, trained, unload, untouched, weights
from family_cases import CASES, samples
from one_step import step, training

pytestmark = pytest.mark.usefixtures("comfy")

FAMILIES = ["sd15", "sd3", "flux_dev"]  # with -m long SDXL too, whose layers are SD1.5's and more of them


SWAP = {"gradient_checkpointing": "all", "blocks_to_swap": 2}


@pytest.mark.parametrize(
    ("name", "options"),
    [*((name, {}) for name in FAMILIES), ("flux_dev", SWAP), pytest.param("sdxl", {}, marks=pytest.mark.long)],
)
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
        pytest.param("sdxl", torch.float16, torch.float32, marks=pytest.mark.long),
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


@pytest.mark.parametrize("how", ["moving", "dynamic"])
def test_a_difference_is_the_same_loaded_or_not(how):
    """What LoRA Extract reads of a model that is on the card, with a LoRA of the graph on it."""
    from athanor.training_core.host import difference

    with cards.dynamic() if how == "dynamic" else cards.moving():
        base = load("sd3", torch.float16, torch.float32 if how == "dynamic" else torch.float16)
        key = next(k for k in base.model.state_dict() if k.endswith("mlp.fc1.weight"))
        added = torch.randn(base.model.state_dict()[key].shape, generator=torch.Generator().manual_seed(1))
        tuned = base.clone()
        with torch.inference_mode():
            tuned.add_patches({key: (added,)}, 0.5)
        for _ in range(2):
            found = {
                one.name: change
                for one in difference.weights((base, None), (tuned, None))
                if (change := one.read(torch.device("cpu"))).abs().max()
            }
            (name,) = found
            assert name.endswith("mlp_fc1") and torch.allclose(found[name], 0.5 * added, atol=2e-3)
            drawn(tuned, CASES["sd3"])  # loaded, with its LoRA
        unload()


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
    from athanor.training_core.host import devices
    from athanor.training_core.host import model as host

    asked, plain = [], mm.load_models_gpu
    monkeypatch.setattr(
        mm, "load_models_gpu", lambda models, **how: (asked.append(how["memory_required"]), plain(models, **how))
    )
    model = load("sd3")
    size = sum(p.nbytes for p in model.model.parameters())
    monkeypatch.setattr(devices, "peak_memory", lambda _device: size + 5_000_000)
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
    with pytest.raises(AthanorError, match="model: SimpleNamespace is not a standard ComfyUI model"):
        lending.check(types.SimpleNamespace(model=None))
