"""A newcomer before the page: a mouse and a keyboard that count, and eyes."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Locator, Page, TimeoutError

POINT, PRESS, KEY = 1.1, 0.2, 0.28
"""Seconds of an average user: moving the mouse to something, a button of it, a key (keystroke-level model, Card et al. 1980)."""
Place = Locator | tuple[float, float]

NODE = "window.comfyAPI.app.app.canvas.graph.nodes.find((n) => n.type === kind)"
ON_SCREEN = """
    const { ds, canvas: board } = window.comfyAPI.app.app.canvas, box = board.getBoundingClientRect();
    const onScreen = ([x, y]) => [box.left + (x + ds.offset[0]) * ds.scale, box.top + (y + ds.offset[1]) * ds.scale];
"""
SLOT = f"""([kind, name, isInput]) => {{
    {ON_SCREEN}
    const node = {NODE}, slots = isInput ? node.inputs : node.outputs, index = slots.findIndex((s) => s.name === name);
    const key = `${{node.id}}-${{isInput ? "in" : "out"}}-${{index}}`;
    const dot = document.querySelector(`[data-node-id="${{node.id}}"] [data-slot-key="${{key}}"]`);
    if (dot) {{ const r = dot.getBoundingClientRect(); return [r.left + r.width / 2, r.top + r.height / 2]; }}
    return onScreen(isInput ? node.getInputPos(index) : node.getOutputPos(index));
}}"""
WIDGET = f"""([kind, name]) => {{
    {ON_SCREEN}
    const node = {NODE}, widget = node.widgets.find((w) => w.name === name);
    return onScreen([node.pos[0] + node.size[0] / 2, node.pos[1] + widget.y + 10]);
}}"""
SEEN = "(e) => { const r = e.getBoundingClientRect(); return r.top >= 0 && r.bottom <= innerHeight; }"
IS_LINKED = f"([kind, name]) => {NODE}.inputs.find((s) => s.name === name).link != null"
VALUE = f"([kind, name]) => {NODE}.widgets.find((w) => w.name === name).value"
TITLE = f"(kind) => {{ {ON_SCREEN} const node = {NODE}; return onScreen([node.pos[0] + 60, node.pos[1] - 15]); }}"
COVER = """([x, y]) => {
    const found = document.elementFromPoint(x, y);
    if (found?.closest("canvas#graph-canvas, [data-node-id]") || found?.closest(".lg-node, #vue-transform-pane")) return "";
    return found ? found.outerHTML.slice(0, 300) : "nothing: off the screen";
}"""


@dataclass(kw_only=True)
class Cost:
    """What a stretch of the way took."""

    clicks: int = 0
    drags: int = 0
    scrolls: int = 0
    keys: int = 0
    waited: float = 0.0

    def by_hand(self) -> float:
        """Seconds of an average user who knows where to click."""
        moves = self.clicks * (POINT + PRESS) + self.drags * 2 * (POINT + PRESS) + self.scrolls * POINT
        return moves + self.keys * KEY


class Newcomer:
    """A mouse and a keyboard that count, and eyes: a picture at every stage."""

    def __init__(self, page: Page, vue: bool, shots: Path | None, name: str) -> None:
        self.page, self.vue, self.shots, self.name = page, vue, shots, name
        self.cost, self.costs, self.stages = Cost(), {}, 0
        self.begun = time.monotonic()

    def stage(self, name: str) -> None:
        """Close a stretch of the way: its cost, and a picture of what is seen at its end."""
        self.cost.waited = time.monotonic() - self.begun
        self.costs[name] = self.cost
        self.look(name)
        self.cost, self.begun = Cost(), time.monotonic()

    def look(self, name: str) -> None:
        self.stages += 1
        if self.shots:
            self.page.wait_for_timeout(500)
            path = self.shots / f"{self.name}_{self.stages:02}_{name.replace(' ', '_')}.png"
            self.page.screenshot(path=str(path))

    def _at(self, place: Place) -> tuple[float, float]:
        if isinstance(place, tuple):
            above = self.page.evaluate(COVER, list(place))
            assert not above, f"at {place} lies {above}"
            return place
        place.wait_for(timeout=120_000)
        if not place.evaluate(SEEN):
            self.cost.scrolls += 1
            place.scroll_into_view_if_needed()
        place.click(trial=True, timeout=120_000)  # waits until it stands still, and nothing lies on it
        box = place.bounding_box()
        assert box, place
        return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    def click(self, place: Place, times: int = 1) -> None:
        self.cost.clicks += times
        self.page.mouse.click(*self._at(place), click_count=times, delay=30)

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        self.cost.drags += 1
        self.page.mouse.move(*start)
        self.page.mouse.down()
        for part in (0.1, 0.5, 0.9, 1.0):
            self.page.mouse.move(*(a + (b - a) * part for a, b in zip(start, end, strict=True)), steps=3)
            self.page.wait_for_timeout(60)
        self.page.mouse.up()
        self.page.wait_for_timeout(200)

    def type(self, text: str) -> None:
        self.cost.keys += len(text)
        self.page.keyboard.type(text, delay=20)

    def press(self, key: str) -> None:
        self.cost.keys += 1
        self.page.keyboard.press(key)

    def place_node(self, search: str, title: str, at: tuple[float, float]) -> None:
        """Double-click on the empty canvas, type, take what is called so, and put down what hangs at the mouse then."""
        field = self.page.locator("input[placeholder*='earch']:visible, [role=dialog] input:visible").last
        self.click(at, 2)
        for _ in range(3):  # a page of a few frames a second loses a double-click at times: a user does it again
            try:
                field.wait_for(timeout=20_000)
                break
            except TimeoutError:
                self.click(at, 2)
        field.wait_for(timeout=120_000)
        self.type(search)
        self.page.wait_for_timeout(700)
        self.click(self.page.locator("[role=option]:visible", has_text=title).first)
        self.page.wait_for_timeout(300)
        self.page.mouse.move(*at, steps=5)
        self.page.wait_for_timeout(200)
        self.click(at)
        self.page.wait_for_timeout(300)

    def connect(self, start: tuple[str, str], end: tuple[str, str]) -> None:
        spots = [self.page.evaluate(SLOT, [*slot, is_input]) for slot, is_input in ((start, False), (end, True))]
        self.drag(*spots)
        assert self.page.evaluate(IS_LINKED, list(end)), f"{start} is not connected with {end}"

    def choose(self, kind: str, name: str, value: str) -> None:
        """A value of a list on a node."""
        if self.vue:
            number = self.page.evaluate(f"(kind) => {NODE}.id", kind)
            node = self.page.locator(f"[data-node-id='{number}']").first
            self.click(node.locator("[role=combobox], button[aria-haspopup]").first)
            self.page.wait_for_timeout(400)
            self.click(self.page.locator("[role=option]:visible, [data-testid*=option]:visible", has_text=value).first)
        else:
            self.click(tuple(self.page.evaluate(WIDGET, [kind, name])))
            self.click(self.page.locator(".litemenu-entry:visible", has_text=value).first)
        self.page.wait_for_timeout(300)
        assert self.page.evaluate(VALUE, [kind, name]) == value, (kind, name)

    def size(self) -> tuple[int, int]:
        """Width and height of the window."""
        size = self.page.viewport_size
        assert size
        return size["width"], size["height"]

    def show(self, kind: str) -> None:
        """Bring a node onto the screen, with the host's key for the whole graph."""
        width, height = self.size()
        x, y = self.page.evaluate(TITLE, kind)
        if not (80 < x < width - 250 and 60 < y < height - 300):
            self.press(".")
            self.page.wait_for_timeout(800)

    def run(self) -> None:
        self.click(
            self.page.get_by_test_id("queue-button").or_(self.page.locator(".comfyui-queue-button button")).first
        )
