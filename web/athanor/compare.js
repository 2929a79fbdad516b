// The viewer of comparisons inside the page: a button on XYZ Compare and XYZ Grid Image opens it over everything.

import { app } from "../../../scripts/app.js";
import { api } from "../../../scripts/api.js";
import { mount } from "../viewer/viewer.js";
import { make, style, when } from "./dom.js";
import { t } from "./words.js";

const KINDS = ["AthanorXYZCompare", "AthanorXYZGridImage"];
style("./athanor.css");
style("../viewer/viewer.css");

async function ask(path = "", body) {
  const more = body && { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  const answer = await api.fetchApi(`/athanor/compare${path}`, more);
  if (!answer.ok) throw new Error((await answer.text()) || `${answer.status}`);
  return answer.json();
}

/** Show a comparison, or the newest one; others can be chosen there. */
export async function open(wanted) {
  const before = document.activeElement;
  const place = make("div", { class: "place" }),
    said = make("span", { role: "status" });
  const chooser = make("select", { "aria-label": t("Comparison"), onchange: () => show(chooser.value) });
  const dialog = make(
    "dialog",
    { class: "athanor athanor-compare", "aria-label": t("Comparison"), tabindex: -1 },
    make(
      "header",
      {},
      chooser,
      said,
      make("span", { class: "hint" }, t("LoRA Run Axis with epochs: starred takes the epochs of starred pictures")),
      make(
        "button",
        { type: "button", "aria-label": t("Close the viewer"), onclick: () => dialog.close() },
        t("Close"),
      ),
    ),
    place,
  );
  let away = null,
    shown = null,
    marked = false,
    saving = Promise.resolve();

  function leave() {
    away?.();
    away = null;
    if (marked) {
      const at = `/${encodeURIComponent(shown)}`;
      saving.finally(() => ask(`${at}/portable`, {})).catch(() => {}); // the folder to hand on has the marks, too
    }
    marked = false;
  }

  async function show(name) {
    leave();
    shown = name;
    const at = `/${encodeURIComponent(name)}`;
    try {
      const data = await ask(at);
      if (shown !== name || !dialog.isConnected) return;
      said.textContent = "";
      // One after the other: the last one counts.
      const save = (cell, mark) => {
        marked = true;
        saving = saving.catch(() => {}).then(() => ask(`${at}/marks`, { cell, ...mark }));
        return saving;
      };
      away = mount(place, data, (id) => api.apiURL(`/athanor/compare${at}/cells/${id}.png`), {
        save,
        keys,
        hash: false,
        close: () => dialog.close(),
      });
    } catch (error) {
      place.replaceChildren();
      said.textContent = t("The comparison cannot be shown: {why}", { why: error.message });
    }
  }

  // The host has keys of its own, and may take the focus away: what is typed while the viewer is open is for the viewer.
  for (const kind of ["keydown", "keyup", "wheel", "pointerdown", "pointermove", "copy", "paste"])
    dialog.addEventListener(kind, (event) => event.stopPropagation());
  const outside = (event) => {
    if (!dialog.contains(event.target)) event.stopPropagation();
  };
  const heard = [
    ["keydown", outside],
    ["keyup", outside],
  ];
  const keys = {
    addEventListener(kind, hear) {
      heard.unshift([kind, hear]);
      window.addEventListener(kind, hear, true);
    },
    removeEventListener(kind, hear) {
      window.removeEventListener(kind, hear, true);
    },
  };
  for (const [kind, hear] of [...heard]) window.addEventListener(kind, hear, true);
  dialog.addEventListener("cancel", (event) => event.preventDefault()); // Esc is the viewer's
  dialog.addEventListener("close", () => {
    leave();
    for (const [kind, hear] of heard) window.removeEventListener(kind, hear, true);
    dialog.remove();
    before?.focus?.();
  });
  document.body.append(dialog);
  dialog.showModal();
  dialog.focus();
  try {
    const all = await ask();
    if (wanted && !all.some((one) => one.name === wanted)) all.unshift({ name: wanted, title: wanted });
    chooser.replaceChildren(
      ...all.map((one) =>
        make(
          "option",
          { value: one.name },
          `${one.title}${one.time ? `  (${t("{count} pictures", { count: one.cells })}, ${when(one.time)})` : ""}`,
        ),
      ),
    );
    if (!all.length) {
      said.textContent = t("There is no comparison yet: queue the graph with XYZ Compare.");
      return dialog;
    }
    chooser.value = wanted ?? all[0].name;
    await show(chooser.value);
  } catch (error) {
    said.textContent = t("Comparisons cannot be read: {why}", { why: error.message });
  }
  return dialog;
}

/** The comparison that a node has drawn last; the workflow keeps its name. */
function nameOf(node) {
  const field = node.widgets?.find((widget) => widget.name === "name");
  const linked = node.inputs?.some((input) => input.name === "comparison" && input.link != null);
  const typed = linked ? "" : String(field?.value ?? "").trim();
  return typed || node.properties?.athanor_comparison || null;
}

app.registerExtension({
  name: "Athanor.Compare",
  nodeCreated(node) {
    if (!KINDS.includes(node.comfyClass)) return;
    const button = node.addWidget("button", t("Open viewer"), null, () => open(nameOf(node)), { serialize: false });
    button.serialize = false;
    button.tooltip = t("Look around in the pictures: wipe, difference, stars, blind duel.");
    const executed = node.onExecuted;
    node.onExecuted = function (output) {
      executed?.apply(this, arguments);
      const name = output?.athanor_comparison?.[0];
      if (name) {
        node.properties ??= {};
        node.properties.athanor_comparison = name;
      }
    };
  },
});
