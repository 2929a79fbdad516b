// The comparison viewer: one module, no imports, no network. mount(element, cells.json, id => address of its picture).

const KEYS = [
  ["arrows", "neighbour in X and Y"], ["PgUp PgDn", "neighbour among the blocks"], ["space (hold)", "base model"],
  ["p", "pin, to compare with"], ["w", "wipe between pin and picture"], ["d", "difference to the pin"],
  ["s", "star"], ["x", "reject"], ["n", "note"], ["Esc", "back"],
];

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child != null));
  return element;
}

/** Marks (star, reject, note) and duels by cell, kept in the browser under the comparison's name. */
class Marks {
  constructor(name) {
    this.key = `athanor-viewer:${name}`;
    try { this.all = JSON.parse(localStorage.getItem(this.key)) ?? {}; } catch { this.all = {}; }
  }
  of(id) { return this.all[id] ?? {}; }
  set(id, change) {
    const mark = { ...this.of(id), ...change };
    for (const name of Object.keys(mark)) if (!mark[name]) delete mark[name];
    if (Object.keys(mark).length) this.all[id] = mark; else delete this.all[id];
    try { localStorage.setItem(this.key, JSON.stringify(this.all)); } catch { /* a full or closed store loses marks at the end */ }
  }
}

export function mount(root, data, address) {
  const axes = data.axes.map((axis, index) => ({ ...axis, index })).filter((axis) => axis.values.length > 1);
  const lengths = data.axes.map((axis) => axis.values.length);
  const marks = new Marks(data.name);
  const state = { x: axes[0]?.index ?? null, y: axes[1]?.index ?? null, z: axes[2]?.index ?? null, at: lengths.map(() => 0), size: 256, show: "all" };
  Object.assign(state, readHash());
  const title = (axis) => axis.title + (axis.common ? ` (${axis.common})` : "");
  const cellAt = (at) => data.cells[at.reduce((sum, value, i) => sum * lengths[i] + value, 0)];
  const values = (axis) => (axis == null ? [0] : data.axes[axis].values.map((_, i) => i));
  const moved = (at, axis, value) => (axis == null ? at : at.map((v, i) => (i === axis ? value : v)));
  const names = (at) => axes.map((axis) => `${axis.title}: ${axis.names[at[axis.index]]}`).join("  ·  ");
  const base = data.axes.map((axis) => axis.names.indexOf("base model"));
  const baseOf = (at) => at.map((value, i) => (base[i] >= 0 ? base[i] : value));
  const failed = (id) => data.failed?.[id];

  const header = make("header");
  const main = make("main");
  const popup = make("div", { class: "popup", hidden: true, tabindex: "0" });
  root.classList.add("athanor-viewer");
  root.replaceChildren(header, main, popup);

  function readHash() {
    try {
      const found = JSON.parse(decodeURIComponent(location.hash.slice(1)));
      const fits = (axis) => axis === null || (Number.isInteger(axis) && axis >= 0 && axis < lengths.length);
      if (![found.x, found.y, found.z].every(fits) || found.at?.length !== lengths.length) return {};
      if (!found.at.every((value, i) => Number.isInteger(value) && value >= 0 && value < lengths[i])) return {};
      return { x: found.x, y: found.y, z: found.z, at: found.at, size: Math.min(2048, Math.max(32, Number(found.size) || 256)) };
    } catch { return {}; }
  }
  function remember() {
    const { x, y, z, at, size } = state;
    history.replaceState(null, "", `#${encodeURIComponent(JSON.stringify({ x, y, z, at, size }))}`);
  }

  function place(name, axis) {
    // The axis leaves its old place to the one that was here.
    for (const other of ["x", "y", "z"]) if (other !== name && axis !== null && state[other] === axis) state[other] = state[name];
    state[name] = axis;
    draw();
  }

  function drawHeader() {
    const chooser = (name, label) => make("label", {}, label, make("select", {
      name, onchange: (event) => place(name, event.target.value === "" ? null : Number(event.target.value)),
    }, make("option", { value: "" }, "-"), ...axes.map((axis) => make("option", { value: axis.index, selected: state[name] === axis.index }, axis.title))));
    const sliders = axes.filter((axis) => ![state.x, state.y, state.z].includes(axis.index)).map((axis) => {
      const shown = make("output", {}, axis.values[state.at[axis.index]]);
      return make("label", { class: "slider" }, axis.title, make("input", {
        type: "range", min: 0, max: axis.values.length - 1, value: state.at[axis.index], "data-axis": axis.index,
        oninput: (event) => { state.at[axis.index] = Number(event.target.value); shown.value = axis.values[state.at[axis.index]]; drawGrid(); },
      }), shown);
    });
    header.replaceChildren(
      make("h1", {}, data.title),
      make("div", { class: "controls" },
        chooser("x", "X"), chooser("y", "Y"), chooser("z", "blocks"), ...sliders,
        make("label", {}, "size", make("input", { type: "range", min: 32, max: 1024, step: 8, value: state.size, name: "size", oninput: (event) => resize(Number(event.target.value)) })),
        make("label", {}, "show", make("select", { name: "show", onchange: (event) => { state.show = event.target.value; drawGrid(); } },
          ...["all", "starred", "not rejected"].map((value) => make("option", { value, selected: state.show === value }, value)))),
        make("button", { name: "duel", onclick: startDuel }, "blind duel"),
        make("button", { name: "export", onclick: exportMarks }, "save marks"),
        make("span", { class: "hint" }, "click a picture; ctrl + wheel zooms")));
  }

  function resize(size) {
    state.size = Math.min(1024, Math.max(32, size));
    root.style.setProperty("--cell", `${state.size}px`);
    header.querySelector("[name=size]").value = state.size;
    remember();
  }

  function visible(id) {
    const mark = marks.of(id);
    return state.show === "all" || (state.show === "starred" ? mark.star : !mark.reject);
  }

  function picture(id, at) {
    const mark = marks.of(id);
    if (!visible(id)) return make("div", { class: "tile hidden-cell" });
    if (failed(id) !== undefined) return make("div", { class: "tile failed" }, `failed: ${failed(id)}`);
    const [width, height] = data.sizes[id];
    const image = make("img", { src: address(id), loading: "lazy", alt: names(at), title: names(at), "data-cell": id, style: `aspect-ratio: ${width} / ${height}`, onclick: () => open(at) });
    const badge = `${mark.star ? "★" : ""}${mark.reject ? "✕" : ""}${mark.note ? "✎" : ""}`;
    return make("div", { class: `cell${mark.star ? " star" : ""}${mark.reject ? " reject" : ""}` }, image, badge ? make("span", { class: "badge" }, badge) : null);
  }

  function drawGrid() {
    remember();
    const blocks = values(state.z).map((z) => {
      const blockAt = moved(state.at, state.z, z);
      const head = make("tr", {}, make("th", { class: "corner" }, [state.x, state.y].filter((axis) => axis != null).map((axis) => title(data.axes[axis])).join(" / ")),
        ...values(state.x).map((x) => make("th", {}, state.x == null ? "" : data.axes[state.x].values[x])));
      const rows = values(state.y).map((y) => make("tr", {}, make("th", {}, state.y == null ? "" : data.axes[state.y].values[y]),
        ...values(state.x).map((x) => { const at = moved(moved(blockAt, state.y, y), state.x, x); return make("td", {}, picture(cellAt(at), at)); })));
      return make("section", {}, state.z == null ? null : make("h2", {}, `${title(data.axes[state.z])}: ${data.axes[state.z].values[z]}`),
        make("table", {}, make("thead", {}, head), make("tbody", {}, ...rows)));
    });
    main.replaceChildren(...blocks);
  }

  function draw() { drawHeader(); root.style.setProperty("--cell", `${state.size}px`); drawGrid(); }

  // One picture, large.
  let current = null, pin = null, mode = "plain", wipe = 0.5, held = false;

  function open(at) { current = at; popup.hidden = false; drawPopup(); popup.focus(); }
  function close() { popup.hidden = true; current = null; duel = null; drawGrid(); }

  function drawPopup() {
    const at = held ? baseOf(current) : current;
    const id = cellAt(at), mark = marks.of(cellAt(current));
    const stage = make("div", { class: "stage", onpointermove: (event) => {
      if (mode !== "wipe") return;
      const box = stage.getBoundingClientRect();
      wipe = Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
      stage.style.setProperty("--wipe", `${wipe * 100}%`);
    } }, failed(id) !== undefined ? make("p", { class: "failed" }, `failed: ${failed(id)}`) : make("img", { src: address(id), alt: names(at), "data-cell": id }));
    stage.style.setProperty("--wipe", `${wipe * 100}%`);
    if (pin && mode !== "plain" && !held) stage.append(make("img", { src: address(cellAt(pin)), class: mode, alt: `pinned: ${names(pin)}`, "data-cell": cellAt(pin) }));
    popup.replaceChildren(
      make("p", { class: "where" }, held ? `base model: ${names(at)}` : names(at), pin ? make("em", {}, `  pinned: ${names(pin)}${mode === "plain" ? "" : ` (${mode})`}`) : null,
        make("b", {}, `${mark.star ? "  ★" : ""}${mark.reject ? "  ✕" : ""}${mark.note ? `  ✎ ${mark.note}` : ""}`)),
      stage,
      make("details", {}, make("summary", {}, "settings"), make("pre", {}, data.parameters?.[id] ?? "")),
      make("p", { class: "keys" }, ...KEYS.flatMap(([key, words]) => [make("kbd", {}, key), ` ${words}   `])));
  }

  function step(axis, by) {
    if (axis == null) return;
    const count = lengths[axis];
    current = moved(current, axis, (current[axis] + by + count) % count);
    drawPopup();
  }

  function keydown(event) {
    if (popup.hidden || event.ctrlKey || event.metaKey || event.altKey) return;
    if (duel) return duelKey(event);
    const id = cellAt(current), mark = marks.of(id);
    const actions = {
      ArrowLeft: () => step(state.x, -1), ArrowRight: () => step(state.x, 1), ArrowUp: () => step(state.y, -1), ArrowDown: () => step(state.y, 1),
      PageUp: () => step(state.z, -1), PageDown: () => step(state.z, 1),
      " ": () => { if (!held) { held = true; drawPopup(); } },
      p: () => { pin = pin && cellAt(pin) === id ? null : current; if (!pin) mode = "plain"; drawPopup(); },
      w: () => { mode = mode === "wipe" ? "plain" : "wipe"; drawPopup(); }, d: () => { mode = mode === "difference" ? "plain" : "difference"; drawPopup(); },
      s: () => { marks.set(id, { star: !mark.star, reject: false }); drawPopup(); }, x: () => { marks.set(id, { reject: !mark.reject, star: false }); drawPopup(); },
      n: () => { const note = prompt("Note", mark.note ?? ""); if (note !== null) marks.set(id, { note: note.trim() }); drawPopup(); },
      Escape: close,
    };
    const action = actions[event.key];
    if (action) { event.preventDefault(); event.stopPropagation(); action(); }
  }
  function keyup(event) { if (event.key === " " && held) { held = false; if (current) drawPopup(); } }

  // Two pictures that differ in one axis only, without their names.
  let duel = null;

  function startDuel() {
    const axis = state.y ?? state.x;
    if (axis == null) return;
    duel = { axis, wins: data.axes[axis].values.map(() => 0), seen: data.axes[axis].values.map(() => 0), pair: null, misses: 0 };
    popup.hidden = false;
    nextDuel();
    popup.focus();
  }
  function nextDuel() {
    // Values that were seen least come first, so that all get their turn.
    const order = values(duel.axis).map((value) => [duel.seen[value] + Math.random(), value]).sort((a, b) => a[0] - b[0]).map(([, value]) => value);
    const at = lengths.map((count) => Math.floor(Math.random() * count));
    const drawn = order.map((value) => moved(at, duel.axis, value)).filter((one) => failed(cellAt(one)) === undefined);
    const pair = drawn.filter((one, i) => drawn.findIndex((other) => cellAt(other) === cellAt(one)) === i).slice(0, 2);
    if (pair.length < 2 && ++duel.misses > 100) return endDuel();
    if (pair.length < 2) return nextDuel();
    duel.pair = Math.random() < 0.5 ? pair.reverse() : pair;
    drawDuel();
  }
  function drawDuel() {
    const shown = duel.pair.map((at, side) => make("div", { class: "stage half", onclick: () => vote(side) }, make("img", { src: address(cellAt(at)), "data-cell": cellAt(at), alt: "" })));
    popup.replaceChildren(make("p", { class: "where" }, `Which is better? left or right arrow, down = equal, Esc = result (${duel.seen.reduce((a, b) => a + b, 0) / 2} so far)`), make("div", { class: "pair" }, ...shown));
  }
  function vote(side) {
    duel.pair.forEach((at, i) => { duel.seen[at[duel.axis]] += 1; duel.wins[at[duel.axis]] += side === null ? 0.5 : i === side ? 1 : 0; });
    nextDuel();
  }
  function duelKey(event) {
    const votes = { ArrowLeft: 0, ArrowRight: 1, ArrowDown: null };
    if (event.key in votes && duel.pair) { event.preventDefault(); vote(votes[event.key]); }
    else if (event.key === "Escape") { event.preventDefault(); if (duel.pair) endDuel(); else close(); }
  }
  function endDuel() {
    const axis = data.axes[duel.axis];
    const rows = axis.names.map((name, i) => [duel.seen[i] ? duel.wins[i] / duel.seen[i] : -1, name, i]).sort((a, b) => b[0] - a[0])
      .map(([rate, name, i]) => make("tr", {}, make("td", {}, name), make("td", {}, rate < 0 ? "-" : `${Math.round(rate * 100)} %`), make("td", {}, `${duel.wins[i]} of ${duel.seen[i]}`)));
    duel.pair = null;
    popup.replaceChildren(make("p", { class: "where" }, `Won, by ${axis.title}`), make("table", { class: "result" }, ...rows), make("p", { class: "keys" }, make("kbd", {}, "Esc"), " back"));
  }

  function exportMarks() {
    const cells = Object.fromEntries(Object.entries(marks.all).map(([id, mark]) => [id, { ...mark, parameters: data.parameters?.[id] }]));
    const blob = new Blob([JSON.stringify({ comparison: data.name, marks: cells }, null, 1)], { type: "application/json" });
    const link = make("a", { href: URL.createObjectURL(blob), download: `${data.name}-marks.json` });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }

  root.addEventListener("wheel", (event) => {
    if (!event.ctrlKey || !popup.hidden) return;
    event.preventDefault();
    resize(Math.round(state.size * (event.deltaY < 0 ? 1.1 : 1 / 1.1)));
  }, { passive: false });
  document.addEventListener("keydown", keydown);
  document.addEventListener("keyup", keyup);
  draw();
  return () => { document.removeEventListener("keydown", keydown); document.removeEventListener("keyup", keyup); root.replaceChildren(); };
}
