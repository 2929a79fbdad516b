"""What clients of the websocket hear of a run that ends, and that it is on disk before: of fake runs, without training."""

from __future__ import annotations

import weakref
from collections.abc import Generator
from types import SimpleNamespace

import pytest
import routes
import run_folders
from athanor.training_core.errors import AthanorError
from athanor.training_core.history import registry
from athanor.training_core.history.events import Event, Queued, Resumed, Sampled, Started, Stepped


class Interrupt(BaseException):
    """As the host's own, which its progress bar raises."""


@pytest.fixture
def heard(comfy, tmp_path, monkeypatch):
    """All messages; a run of the name cat has ended in ComfyUI's folders."""
    from athanor.nodes import broadcasts, display, progress, train
    from athanor.training_core.host import folders

    routes.comfyui_folders(tmp_path, monkeypatch)
    run_folders.write(folders.runs_folder(), tmp_path / "models" / "loras")
    messages = []
    server = SimpleNamespace(send_sync=lambda kind, data: messages.append(data), send_progress_text=lambda *_: None)
    for module in (broadcasts, progress):
        monkeypatch.setattr(module.PromptServer, "instance", server, raising=False)
    monkeypatch.setattr(display.Progress, "bar", lambda *_: None)
    monkeypatch.setattr(train.devices, "free_memory", lambda: None)
    return messages


def only() -> registry.Record:
    """The run that is there."""
    from athanor.training_core.host import folders

    return registry.records(folders.runs_folder())[0]


def follow(events: Generator[Event, None, None], run: str) -> None:
    from athanor.nodes import broadcasts, display, train

    sender = broadcasts.Broadcasts(run, "7", "cat", Queued("the-job", 5.0))
    train._follow(events, display.Display("7", run, sender), sender, None)


def session(run: str, told: list, error: BaseException | None = None) -> Generator[Event, None, None]:
    """Events of a session of three steps, which notes how it ends in the run's folder; `error` is raised by itself."""
    log = (only().folder / "events.jsonl").open("a")
    log.write('{"event": "resumed", "time": 3, "step": 4}\n')
    log.flush()
    try:
        yield Resumed(run_id=run, step=4, steps=12, epochs=3, trained="")
        for step in range(5, 8):
            yield Stepped(step=step, epoch=1, loss=float("nan"), lr=1e-4, d_lr=2e-4, grad_norm=1.0, seconds=0.1)
        if error:
            raise error
        log.write('{"event": "stopped", "time": 5, "step": 7}\n')
    except BaseException as ended:
        told.append(ended)
        kind = "failed" if isinstance(ended, Exception) else "interrupted"
        log.write(f'{{"event": "saved", "path": "x", "step": 7, "epoch": 1, "hash": "", "kind": "last"}}\n'
                  f'{{"event": "{kind}", "why": "{ended}"}}\n')  # fmt: skip
        raise
    finally:
        log.close()


def last(messages: list[dict], *names: str) -> tuple:
    assert messages[-1]["kind"] == "ended"
    return tuple(messages[-1][name] for name in names)


def test_every_message_tells_how_the_run_stands(heard):
    record = only()
    follow(session(record.run_id, []), record.run_id)
    assert {message["prompt_id"] for message in heard} == {"the-job"}
    started, step = heard[0], heard[1]
    assert (started["kind"], started["status"], started["step"], started["title"]) == ("started", "resumed", 4, "cat")
    assert (step["kind"], step["step"], step["steps"], step["lr"], step["loss"]) == ("step", 5, 12, 2e-4, None)
    assert last(heard, "status", "why", "step", "steps", "title", "lr") == ("stopped", "", 7, 12, "cat", 2e-4)


def test_an_interrupt_in_the_progress_bar_goes_through_the_run(heard, monkeypatch, caplog):
    """It was raised beside the run, which saved and noted its end only when Python cleared it away: after "ended"."""
    from athanor.nodes import display

    def interrupted(self, done, total, picture=None):
        if done == 6:
            raise Interrupt("interrupted by the user")

    shown = []
    monkeypatch.setattr(display.Progress, "bar", interrupted)
    monkeypatch.setattr(display.Progress, "text", lambda self, text, always=False: shown.append(text))
    caplog.set_level("INFO", "athanor")
    record, told = only(), []
    with pytest.raises(Interrupt):
        follow(session(record.run_id, told), record.run_id)
    assert [type(error) for error in told] == [Interrupt]
    assert last(heard, "status", "why", "step") == ("interrupted", "interrupted by the user", 7)
    assert registry.read(record.folder).status == "interrupted"
    # What is kept is said to the page, on the node and in the log; the file of step 7 is not there in this fake run.
    said = "Interrupted at step 12 of 12: cat.safetensors is saved; queue the graph again to go on from there."
    assert heard[-1]["kept"] == said == shown[-1] and f"Athanor: {said}" in caplog.messages


def test_a_failure_says_why(heard):
    record = only()
    with pytest.raises(AthanorError):
        follow(session(record.run_id, [], AthanorError("The disk is full.")), record.run_id)
    assert last(heard, "status", "why", "step") == ("failed", "The disk is full.", 7)
    assert registry.read(record.folder).why == "The disk is full."


def test_what_is_refused_before_it_has_a_folder_is_told(heard):
    def refused() -> Generator[Event, None, None]:
        raise AthanorError("epochs is 0: set it to 1.")
        yield Started(run_id="", steps=0, epochs=0, trained="")

    with pytest.raises(AthanorError):
        follow(refused(), "f" * 16)
    assert last(heard, "status", "why", "step", "title") == ("failed", "epochs is 0: set it to 1.", 0, "")


@pytest.mark.parametrize(
    ("terminal", "again"), [(False, "Queue the graph again"), (True, "Run the same command again")]
)
def test_a_stop_before_the_first_step_is_told(heard, monkeypatch, terminal, again):
    """The node says what was kept; the job ends as an interrupted one, since nothing behind it has a LoRA to work with."""
    from athanor.nodes import broadcasts, display, train
    from athanor.training_core import advice

    record = only()
    for path in record.target.parent.glob("*.safetensors"):
        path.unlink()
    why = "asked to stop while it encoded pictures (2 of 4): nothing was trained, what is encoded is kept"
    (record.folder / "events.jsonl").write_text(f'{{"event": "stopped", "time": 4, "step": 0, "why": "{why}"}}\n')
    monkeypatch.setattr(advice, "_terminal", terminal)
    shown, asked = [], []
    monkeypatch.setattr(display.Progress, "text", lambda self, text, always=False: shown.append(text))
    monkeypatch.setattr(train.guard, "interrupt", lambda: asked.append(1))

    def stop():
        raise Interrupt

    monkeypatch.setattr(train.guard, "stop_if_interrupted", stop)
    sender = broadcasts.Broadcasts(record.run_id, "7", "cat", None)
    on_node = display.Display("7", record.run_id, sender)
    record = train._follow(iter(()), on_node, sender, None)
    assert last(heard, "kind", "status", "why", "step") == ("ended", "stopped", why, 0)
    with pytest.raises(Interrupt):
        train._outputs(record, on_node, None, None, [])
    begin = why.removeprefix("asked to stop ")
    assert asked and shown == [f"Stopped {begin}. {again} to go on."]
    assert heard[-1]["kept"] == shown[0]


def test_a_terminal_reads_warnings_once(heard, monkeypatch):
    """They are logged as they come, and were printed with the summary again."""
    from athanor.nodes import broadcasts, display
    from athanor.training_core import advice
    from athanor.training_core.history.events import Warned

    record, texts, on_the_node = only(), [], []
    monkeypatch.setattr(display.Progress, "text", lambda _, text, always=False: on_the_node.append(text))
    for terminal in (False, True):
        monkeypatch.setattr(advice, "_terminal", terminal)
        sender = broadcasts.Broadcasts(record.run_id, "7", "cat", None)
        on_node = display.Display("7", record.run_id, sender, panel=terminal)
        on_node.show(Warned("the disk is slow."))
        point = SimpleNamespace(lora_name="a", step=2, hash="b")
        texts.append(on_node.summary(SimpleNamespace(checkpoints=[point]), record, ["a note"]))
    assert ["the disk is slow." in text for text in texts] == [True, False] and all("a note" in text for text in texts)
    assert len(on_the_node) == 1  # a page's panel says it: the host's text below it was the same once more


def test_nothing_of_an_interrupted_run_is_left_half_way(heard):
    """What a function of the run holds under a name lived as long as the traceback, and was put back while the next run trained."""
    record, order, kept = only(), [], list[weakref.ref]()

    def encoder() -> Generator[Event, None, None]:
        try:
            yield Started(run_id=record.run_id, steps=1, epochs=1, trained="")
        finally:
            order.append("put back")

    def run() -> Generator[Event, None, None]:
        held = encoder()
        for event in held:
            yield event
            error = Interrupt()
            kept.append(weakref.ref(error))
            raise error

    with pytest.raises(Interrupt) as told:
        follow(run(), record.run_id)
    assert order == ["put back"] and told.tb
    del told
    assert kept[0]() is None  # nor does the error hold what holds it: that would wait for Python's next look for cycles


def test_a_sample_that_was_deleted_before_it_is_shown_does_not_end_the_run(heard, tmp_path):
    record = only()

    def run() -> Generator[Event, None, None]:
        yield Started(run_id=record.run_id, steps=2, epochs=1, trained="")
        yield Sampled(path=tmp_path / "gone.png", step=1, epoch=0, index=0, prompt="a cat", seed=1)

    follow(run(), record.run_id)
    assert [message["file"] for message in heard if message["kind"] == "sample"] == ["gone.png"]
