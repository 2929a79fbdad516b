"""The list of runs in the page, as a user works with it."""

from __future__ import annotations

from typing import Any

from host import Host
from waiting import until
from web_page import Page


def _runs(site: Host, name: str) -> list[dict[str, Any]]:
    return site.get(f"/athanor/runs?name={name}")


def by_keys(site: Host, page: Page, name: str) -> None:
    """Two runs, of a name and of that with _2 behind it: sorted, ticked, compared, named, deleted and brought back, by keys alone."""
    keys, shown = page.page.keyboard, ".athanor-runs li[data-run] .title"
    table, run = page.page.locator(".athanor-table"), _runs(site, f"{name}_2")[0]["run_id"]
    page.page.locator(".athanor-filter input").fill(name)
    page.page.get_by_label("Sort by").select_option("name")
    page.page.wait_for_function(f"document.querySelectorAll({shown!r}).length === 2")
    assert page.page.locator(shown).all_inner_texts() == [name, f"{name}_2"]
    table.focus()
    keys.press("Escape")
    assert page.page.locator(".athanor-runs li.ticked").count() == 0
    for key in ("Home", " ", "Shift+ArrowDown"):
        keys.press(key)
    assert page.page.locator(".athanor-ticked b").inner_text() == "2 ticked"
    page.page.get_by_role("button", name="Compare settings").press("Enter")
    page.page.wait_for_selector(".athanor-window tbody tr")
    different = page.page.locator(".athanor-window tbody th").all_inner_texts()
    assert "epochs training" in different and "network_dim network" not in different
    page.picture("differences")
    keys.press("Escape")
    table.focus()
    for key in ("Escape", "F2"):
        keys.press(key)
    keys.type("The second one")
    keys.press("Enter")
    page.page.wait_for_function(
        f"[...document.querySelectorAll({shown!r})].some((e) => e.innerText === 'The second one')"
    )
    assert _runs(site, f"{name}_2")[0]["label"] == "The second one"
    # With its LoRA file, and back.
    file = site.base / "models" / "loras" / f"{name}_2.safetensors"
    before = file.read_bytes()
    table.focus()
    keys.press("Delete")
    page.page.wait_for_selector(".athanor-window.small")
    for key in ("Shift+Tab", "Shift+Tab", " ", "Enter"):
        keys.press(key)
    page.page.locator(".athanor-window .act").press("Enter")
    page.page.wait_for_selector(".athanor-undo:not([hidden])")
    assert _runs(site, f"{name}_2") == [] and not file.exists()
    page.picture("undo")
    keys.press("u")
    until(lambda: _runs(site, f"{name}_2"))
    assert file.read_bytes() == before and _runs(site, f"{name}_2")[0]["run_id"] == run
    page.page.wait_for_function(f"document.querySelectorAll({shown!r}).length === 2")
    page.page.locator(".athanor-filter input").fill("")
