"""What a user sees of the settings of a Train LoRA node on the canvas and in Vue nodes, and the line that shows and hides them."""

from __future__ import annotations

from typing import Any

from web_page import Page

NODE = """window.comfyAPI.app.app.graph.nodes.find((n) => n.type === "AthanorTrainLoRA")"""
SEEN = f"""() => {{ const node = {NODE}, drawn = node.getLayoutWidgets(), vue = window.LiteGraph.vueNodesMode;
    const seen = node.widgets.filter((w) => w.serialize !== false && drawn.includes(w) && node.isWidgetVisible(w));
    const line = node.widgets.find((w) => w.name === "athanor_advanced");
    const rows = document.querySelectorAll(`[data-node-id="${{node.id}}"] [data-testid=node-widget]`).length;
    const names = seen.map((w) => w.name);
    return {{ rows: vue ? rows : names.length, names, line: line.hidden ? "" : line.label, height: node.size[1] }}; }}"""
LINE = f"""() => {{ const {{ app }} = window.comfyAPI.app, node = {NODE}, box = app.canvas.canvas.getBoundingClientRect();
    const line = node.widgets.find((w) => w.name === "athanor_advanced");
    const [x, y] = app.canvas.ds.convertOffsetToCanvas([node.pos[0] + 60, node.pos[1] + line.last_y + 10]);
    return [box.left + x, box.top + y]; }}"""
SET = f"""([name, value]) => {{ {NODE}.widgets.find((w) => w.name === name).value = value;
    window.comfyAPI.app.app.canvas.setDirty(true, true); }}"""


class Folding:
    """The Train LoRA node of a page."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def seen(self) -> dict[str, Any]:
        """Its rows (in Vue nodes with button and chart), the names of its settings in sight, what the line says, and its height."""
        self.page.settle(10)
        return self.page.page.evaluate(SEEN)

    def click(self) -> dict[str, Any]:
        """Click the line on the canvas; what is seen then."""
        self.page.page.mouse.click(*self.page.page.evaluate(LINE))
        return self.seen()

    def click_footer(self, text: str) -> dict[str, Any]:
        """Click what the host has for the line in Vue nodes, by its text; what is seen then."""
        node = self.page.page.locator(f"[data-node-id='{self.page.page.evaluate(f'() => {NODE}.id')}']")
        node.get_by_text(text).click()
        return self.seen()

    def set(self, name: str, value: Any) -> dict[str, Any]:
        """Give a widget a value, as a script does; what is seen then."""
        self.page.page.evaluate(SET, [name, value])
        return self.seen()

    def again(self) -> dict[str, Any]:
        """Save the workflow and open it; what is seen then."""
        self.page.load(self.page.page.evaluate("() => window.comfyAPI.app.app.graph.serialize()"))
        return self.seen()

    def vue(self, on: bool) -> dict[str, Any]:
        """Change the renderer; what is seen then."""
        self.page.renderer(on)
        self.page.look()
        return self.seen()
