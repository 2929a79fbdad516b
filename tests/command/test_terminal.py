"""Lines of the command line: on a terminal as they come, in a file with the time, and not more than one needs."""

import io
import re

from athanor.training_core.command.terminal import Terminal


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def shown(live: bool, loud: bool = True) -> list[str]:
    """An hour of a run: a text four times a second, as the node has it, and a summary."""
    stream, clock = io.StringIO(), Clock()
    terminal = Terminal(stream, live, loud, clock)
    for done in range(1, 5):
        terminal(f"encoding latents: {done} of 4")
        clock.now += 0.3
    terminal("")
    for step in range(1, 14401):
        clock.now += 0.25
        terminal(f"step {step} of 14400\nloss 0.1")
    summary = "a.safetensors: 14400 steps\nsshs_model_hash 12"
    terminal(summary)
    terminal.flush(unless=summary)
    terminal.say(summary)
    return stream.getvalue().splitlines()


def test_a_file_gets_times_and_a_line_every_half_minute():
    lines = shown(live=False)
    assert 100 < len(lines) < 130 and all(re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \S", line) for line in lines)
    texts = [line[20:] for line in lines]
    assert texts[0] == "encoding latents: 4 of 4" and texts[1] == "step 10 of 14400, loss 0.1"
    assert texts[-3:] == ["step 14400 of 14400, loss 0.1", "a.safetensors: 14400 steps", "sshs_model_hash 12"]


def test_a_terminal_gets_a_line_every_two_seconds():
    lines = shown(live=True)
    assert 1500 < len(lines) < 1900 and lines[-2:] == ["a.safetensors: 14400 steps", "sshs_model_hash 12"]
    assert sum("sshs_model_hash" in line for line in lines) == 1


def test_other_processes_say_nothing():
    assert shown(live=False, loud=False) == []
