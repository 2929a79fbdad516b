// The sample matrix: rows are the times of drawing with the base model pinned on top, columns the prompts.

import { make } from "./dom.js";
import { t } from "./words.js";

/** Open the matrix of a run over the page. */
export function open(run) {
  const drawn = run.brief?.samples ?? [];
  const steps = [...new Set(drawn.map((s) => s.step))].sort((a, b) => a - b);
  const columns = [...new Set(drawn.map((s) => s.index))].sort((a, b) => a - b);
  const at = new Map(drawn.map((s) => [`${s.step}/${s.index}`, s]));
  const prompts = new Map(drawn.map((s) => [s.index, s.prompt]));
  const before = document.activeElement,
    place = { row: 0, column: 0 };
  let held = false,
    large = false;

  const rowName = (step) =>
    step
      ? t("step {step}, epoch {epoch}", { step, epoch: at.get(`${step}/${columns[0]}`)?.epoch ?? "?" })
      : t("base model");
  const sampleAt = (row, column) => at.get(`${steps[row]}/${columns[column]}`);
  const words = (sample) => (sample ? `${rowName(sample.step)}: ${sample.prompt}` : "");
  const cells = steps.map((step, row) =>
    columns.map((index, column) => {
      const sample = at.get(`${step}/${index}`);
      return make(
        "td",
        {
          tabindex: -1,
          role: "gridcell",
          "aria-label": sample ? words(sample) : t("not drawn"),
          onclick: () => {
            go(row, column);
            zoom(true);
          },
        },
        sample ? make("img", { src: run.sample(sample.file), alt: "", loading: "lazy" }) : "–",
      );
    }),
  );
  const table = make(
    "table",
    { role: "grid", "aria-label": t("Samples") },
    make(
      "thead",
      {},
      make(
        "tr",
        {},
        make("th", {}),
        columns.map((index) => make("th", { scope: "col" }, prompts.get(index))),
      ),
    ),
    make(
      "tbody",
      {},
      steps.map((step, row) =>
        make("tr", { class: step ? "" : "base" }, make("th", { scope: "row" }, rowName(step)), cells[row]),
      ),
    ),
  );
  const picture = make("img", { alt: "" }),
    caption = make("p", { class: "where", role: "status" });
  const stage = make("div", { class: "stage", hidden: true, onclick: () => zoom(false) }, picture);
  const size = make("input", {
    type: "range",
    min: 64,
    max: 512,
    value: 160,
    "aria-label": t("Size of the pictures"),
    oninput: () => dialog.style.setProperty("--cell", `${size.value}px`),
  });
  const title = t("Samples of {name}", { name: run.brief?.name });
  const dialog = make(
    "dialog",
    { class: "athanor athanor-matrix", "aria-label": title },
    make(
      "header",
      {},
      make("h2", {}, title),
      make("label", {}, t("size"), size),
      make(
        "button",
        { type: "button", "aria-label": t("Close the sample matrix"), onclick: () => dialog.close() },
        t("Close"),
      ),
    ),
    caption,
    make("div", { class: "rows" }, table),
    stage,
    make("p", { class: "keys" }, t("arrows: neighbour · Enter: large · hold space: base model · Esc: back")),
  );

  function go(row, column) {
    cells[place.row]?.[place.column]?.classList.remove("here");
    Object.assign(place, {
      row: Math.min(Math.max(row, 0), steps.length - 1),
      column: Math.min(Math.max(column, 0), columns.length - 1),
    });
    const cell = cells[place.row][place.column];
    for (const other of cells.flat()) other.tabIndex = -1;
    cell.tabIndex = 0;
    cell.classList.add("here");
    if (!large) {
      cell.focus({ preventScroll: true });
      cell.scrollIntoView({ block: "nearest", inline: "nearest" });
    }
    show();
  }

  /** What stands under the cursor; while space is held, the base model's picture of the same prompt. */
  function show() {
    const sample = sampleAt(held ? 0 : place.row, place.column),
      own = sampleAt(place.row, place.column);
    caption.textContent = words(sample) || t("not drawn");
    if (large && sample) {
      picture.src = run.sample(sample.file);
      picture.alt = words(sample);
    }
    const inner = cells[place.row][place.column].querySelector("img");
    if (inner && own) inner.src = run.sample((held && sample ? sample : own).file);
  }

  function zoom(on) {
    large = on;
    stage.hidden = !on;
    if (!on) cells[place.row][place.column].focus();
    else dialog.focus();
    show();
  }

  dialog.tabIndex = -1;
  dialog.addEventListener("keydown", (event) => {
    event.stopPropagation(); // the host has keys of its own
    if (event.target === size || event.ctrlKey || event.metaKey || event.altKey) return;
    const keys = {
      ArrowLeft: () => go(place.row, place.column - 1),
      ArrowRight: () => go(place.row, place.column + 1),
      ArrowUp: () => go(place.row - 1, place.column),
      ArrowDown: () => go(place.row + 1, place.column),
      Enter: () => zoom(!large),
      " ": () => {
        if (!held) {
          held = true;
          show();
        }
      },
    };
    if (event.target.tagName === "BUTTON" && (event.key === "Enter" || event.key === " ")) return;
    if (event.key === "Escape") {
      event.preventDefault();
      if (large) zoom(false);
      else dialog.close();
      return;
    }
    if (keys[event.key]) {
      event.preventDefault();
      keys[event.key]();
    }
  });
  dialog.addEventListener("keyup", (event) => {
    event.stopPropagation();
    if (event.key === " " && held) {
      held = false;
      show();
    }
  });
  dialog.addEventListener("cancel", (event) => {
    if (large) {
      event.preventDefault();
      zoom(false);
    }
  });
  dialog.addEventListener("close", () => {
    dialog.remove();
    before?.focus?.();
  });
  document.body.append(dialog);
  dialog.showModal();
  go(place.row, place.column);
  return dialog;
}
