// The comparison viewer: no network of its own. mount(element, cells.json, id => address of its picture, options).

import { sheet } from "./sheet.js";

const KEYS = [
  ["arrows", "neighbour in X and Y"],
  ["PgUp PgDn", "neighbour among the blocks"],
  ["space (hold)", "base model"],
  ["wheel, drag", "zoom, pan"],
  ["0", "whole picture"],
  ["p", "pin, to compare with"],
  ["w", "wipe between pin and picture"],
  ["d", "difference to the pin"],
  ["s", "star"],
  ["x", "reject"],
  ["n", "note"],
  ["Esc", "back"],
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

const HINT = "click a picture; ctrl + wheel zooms";

/** Marks (star, reject, note) by cell: those that came with the comparison, and since then where `save` puts them or, of a
 * page without a server, in the browser. */
class Marks {
  constructor(data, save) {
    this.key = `athanor-viewer:${data.name}`;
    this.save = save;
    this.all = { ...data.marks };
    if (!save)
      try {
        Object.assign(this.all, JSON.parse(localStorage.getItem(this.key)) ?? {});
      } catch {
        /* none, or not to be read */
      }
  }
  of(id) {
    return this.all[id] ?? {};
  }
  get given() {
    return Object.entries(this.all).filter(([, mark]) => Object.keys(mark).length);
  }
  set(id, change) {
    const mark = { ...this.of(id), ...change };
    for (const name of Object.keys(mark)) if (!mark[name]) delete mark[name];
    this.all[id] = mark; // empty: taken back
    if (this.save) return this.save(id, mark);
    try {
      localStorage.setItem(this.key, JSON.stringify(this.all));
    } catch {
      /* a full or closed store loses marks at the end */
    }
  }
}

/** Options: save(id, mark) keeps marks elsewhere; keys: what hears the keyboard; hash: false leaves the address alone; close:
 * what Esc does at the end. Returns a function that takes the viewer away. */
export function mount(root, data, address, { save = null, keys = document, hash = true, close: leave = null } = {}) {
  const axes = data.axes.map((axis, index) => ({ ...axis, index })).filter((axis) => axis.values.length > 1);
  const lengths = data.axes.map((axis) => axis.values.length);
  const marks = new Marks(data, save);
  const state = {
    x: axes[0]?.index ?? null,
    y: axes[1]?.index ?? null,
    z: axes[2]?.index ?? null,
    at: lengths.map(() => 0),
    size: 256,
    show: "all",
  };
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
    if (!hash) return {};
    try {
      const found = JSON.parse(decodeURIComponent(location.hash.slice(1)));
      const fits = (axis) => axis === null || (Number.isInteger(axis) && axis >= 0 && axis < lengths.length);
      if (![found.x, found.y, found.z].every(fits) || found.at?.length !== lengths.length) return {};
      if (!found.at.every((value, i) => Number.isInteger(value) && value >= 0 && value < lengths[i])) return {};
      return {
        x: found.x,
        y: found.y,
        z: found.z,
        at: found.at,
        size: Math.min(2048, Math.max(32, Number(found.size) || 256)),
      };
    } catch {
      return {};
    }
  }
  function remember() {
    if (!hash) return;
    const { x, y, z, at, size } = state;
    history.replaceState(null, "", `#${encodeURIComponent(JSON.stringify({ x, y, z, at, size }))}`);
  }

  function place(name, axis) {
    // The axis leaves its old place to the one that was here.
    for (const other of ["x", "y", "z"])
      if (other !== name && axis !== null && state[other] === axis) state[other] = state[name];
    state[name] = axis;
    draw();
  }

  function drawHeader() {
    const chooser = (name, label) =>
      make(
        "label",
        {},
        label,
        make(
          "select",
          {
            name,
            onchange: (event) => place(name, event.target.value === "" ? null : Number(event.target.value)),
          },
          make("option", { value: "" }, "-"),
          ...axes.map((axis) =>
            make("option", { value: axis.index, selected: state[name] === axis.index }, axis.title),
          ),
        ),
      );
    const sliders = axes
      .filter((axis) => ![state.x, state.y, state.z].includes(axis.index))
      .map((axis) => {
        const shown = make("output", {}, axis.values[state.at[axis.index]]);
        return make(
          "label",
          { class: "slider" },
          axis.title,
          make("input", {
            type: "range",
            min: 0,
            max: axis.values.length - 1,
            value: state.at[axis.index],
            "data-axis": axis.index,
            oninput: (event) => {
              state.at[axis.index] = Number(event.target.value);
              shown.value = axis.values[state.at[axis.index]];
              drawGrid();
            },
          }),
          shown,
        );
      });
    header.replaceChildren(
      make("h1", {}, data.title),
      make(
        "div",
        { class: "controls" },
        chooser("x", "X"),
        chooser("y", "Y"),
        chooser("z", "blocks"),
        ...sliders,
        make(
          "label",
          {},
          "size",
          make("input", {
            type: "range",
            min: 32,
            max: 1024,
            step: 8,
            value: state.size,
            name: "size",
            oninput: (event) => resize(Number(event.target.value)),
          }),
        ),
        make(
          "label",
          {},
          "show",
          make(
            "select",
            {
              name: "show",
              onchange: (event) => {
                state.show = event.target.value;
                drawGrid();
              },
            },
            ...["all", "starred", "not rejected"].map((value) =>
              make("option", { value, selected: state.show === value }, value),
            ),
          ),
        ),
        make("button", { name: "duel", onclick: startDuel }, "blind duel"),
        make("button", { name: "picture", title: "This view as one PNG", onclick: exportPicture }, "save picture"),
        make(
          "button",
          { name: "export", title: "Stars, rejects and notes as a JSON file", onclick: exportMarks },
          "save marks",
        ),
        make(
          "button",
          { name: "import", title: "Marks of such a file", onclick: () => choose({ accept: ".json" }, importMarks) },
          "load marks",
        ),
        make("span", { class: "hint", role: "status" }, said || HINT),
      ),
    );
  }

  let said = "";
  function say(words) {
    said = words;
    const line = header.querySelector(".hint");
    if (line) line.textContent = words || HINT;
  }

  /** Set a mark; what could not be kept is said. */
  async function mark(id, change) {
    try {
      await marks.set(id, change);
    } catch (error) {
      say(`not saved: ${error.message}`);
      if (!popup.hidden) drawPopup();
    }
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
    const image = make("img", {
      src: address(id),
      loading: "lazy",
      alt: names(at),
      title: names(at),
      "data-cell": id,
      style: `aspect-ratio: ${width} / ${height}`,
      onclick: () => open(at),
    });
    const badge = `${mark.star ? "★" : ""}${mark.reject ? "✕" : ""}${mark.note ? "✎" : ""}`;
    return make(
      "div",
      { class: `cell${mark.star ? " star" : ""}${mark.reject ? " reject" : ""}` },
      image,
      badge ? make("span", { class: "badge" }, badge) : null,
    );
  }

  function drawGrid() {
    remember();
    const blocks = values(state.z).map((z) => {
      const blockAt = moved(state.at, state.z, z);
      const head = make(
        "tr",
        {},
        make(
          "th",
          { class: "corner" },
          [state.x, state.y]
            .filter((axis) => axis != null)
            .map((axis) => title(data.axes[axis]))
            .join(" / "),
        ),
        ...values(state.x).map((x) => make("th", {}, state.x == null ? "" : data.axes[state.x].values[x])),
      );
      const rows = values(state.y).map((y) =>
        make(
          "tr",
          {},
          make("th", {}, state.y == null ? "" : data.axes[state.y].values[y]),
          ...values(state.x).map((x) => {
            const at = moved(moved(blockAt, state.y, y), state.x, x);
            return make("td", {}, picture(cellAt(at), at));
          }),
        ),
      );
      return make(
        "section",
        {},
        state.z == null ? null : make("h2", {}, `${title(data.axes[state.z])}: ${data.axes[state.z].values[z]}`),
        make("table", {}, make("thead", {}, head), make("tbody", {}, ...rows)),
      );
    });
    main.replaceChildren(...blocks);
  }

  function draw() {
    drawHeader();
    root.style.setProperty("--cell", `${state.size}px`);
    drawGrid();
  }

  // One picture, large.
  let current = null,
    pin = null,
    mode = "plain",
    wipe = 0.5,
    held = false,
    noting = false;
  const view = { scale: 1, x: 0, y: 0 };
  let drag = null;

  function open(at) {
    current = at;
    popup.hidden = false;
    drawPopup();
    popup.focus();
  }
  function close() {
    popup.hidden = true;
    current = null;
    duel = null;
    noting = false;
    whole();
    drawGrid();
  }
  function whole() {
    Object.assign(view, { scale: 1, x: 0, y: 0 });
  }
  function place_(sheet_) {
    sheet_.style.transform = `translate(${view.x}px, ${view.y}px) scale(${view.scale})`;
  }

  /** Zoom so that what is under the pointer stays there. */
  function zoom(stage, inner, event) {
    event.preventDefault();
    const box = stage.getBoundingClientRect(),
      before = view.scale;
    const px = event.clientX - box.left - box.width / 2,
      py = event.clientY - box.top - box.height / 2;
    view.scale = Math.min(16, Math.max(1, view.scale * (event.deltaY < 0 ? 1.2 : 1 / 1.2)));
    const by = view.scale / before;
    Object.assign(view, view.scale === 1 ? { x: 0, y: 0 } : { x: px - (px - view.x) * by, y: py - (py - view.y) * by });
    place_(inner);
  }

  function drawPopup() {
    const at = held ? baseOf(current) : current;
    const id = cellAt(at),
      own = cellAt(current),
      given = marks.of(own);
    const inner = make(
      "div",
      { class: pin && mode === "wipe" && !held ? "sheet wiping" : "sheet" },
      failed(id) !== undefined
        ? make("p", { class: "failed" }, `failed: ${failed(id)}`)
        : make("img", { src: address(id), alt: names(at), "data-cell": id, draggable: "false" }),
    );
    if (pin && mode !== "plain" && !held)
      inner.append(
        make("img", {
          src: address(cellAt(pin)),
          class: mode,
          alt: `pinned: ${names(pin)}`,
          "data-cell": cellAt(pin),
          draggable: "false",
        }),
      );
    const stage = make(
      "div",
      {
        class: "stage",
        onwheel: (event) => zoom(stage, inner, event),
        onpointerdown: (event) => {
          drag = [event.clientX - view.x, event.clientY - view.y];
        },
        onpointerup: () => {
          drag = null;
        },
        onpointerleave: () => {
          drag = null;
        },
        onpointermove: (event) => {
          if (drag && event.buttons && view.scale > 1) {
            Object.assign(view, { x: event.clientX - drag[0], y: event.clientY - drag[1] });
            place_(inner);
          }
          if (mode !== "wipe") return;
          const box = inner.getBoundingClientRect();
          wipe = Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
          inner.style.setProperty("--wipe", `${wipe * 100}%`);
        },
      },
      inner,
    );
    inner.style.setProperty("--wipe", `${wipe * 100}%`);
    place_(inner);
    const toggle = (name, sign, words) =>
      make(
        "button",
        {
          name,
          "aria-pressed": String(Boolean(given[name])),
          onclick: () => {
            act(name);
            if (!noting) popup.focus();
          },
        },
        `${sign} ${words}`,
      );
    popup.replaceChildren(
      make(
        "div",
        { class: "bar" },
        make(
          "p",
          { class: "where" },
          held ? `base model: ${names(at)}` : names(at),
          pin ? make("em", {}, `  pinned: ${names(pin)}${mode === "plain" ? "" : ` (${mode})`}`) : null,
          make("b", {}, given.note ? `  ✎ ${given.note}` : ""),
        ),
        toggle("star", given.star ? "★" : "☆", "star"),
        toggle("reject", "✕", "reject"),
        toggle("note", "✎", "note"),
        failed(own) === undefined
          ? make(
              "a",
              {
                class: "button",
                href: address(own),
                download: `${own}.png`,
                title: "This picture, with its settings and its graph",
              },
              "save",
            )
          : null,
        make("button", { name: "back", onclick: close }, "back"),
      ),
      noting ? noteField(own, given.note ?? "") : "",
      stage,
      make("details", {}, make("summary", {}, "settings"), make("pre", {}, data.parameters?.[id] ?? "")),
      make(
        "p",
        { class: "keys" },
        said.startsWith("not saved") ? make("b", {}, `${said}   `) : null,
        ...KEYS.flatMap(([key, words]) => [make("kbd", {}, key), ` ${words}   `]),
      ),
    );
    popup.querySelector(".note")?.focus();
  }

  function noteField(id, text) {
    const done = (keep) => {
      noting = false;
      if (keep) mark(id, { note: field.value.trim() });
      drawPopup();
      popup.focus();
    };
    const field = make("input", {
      class: "note",
      maxlength: 2000,
      placeholder: "Note: Enter keeps it, Esc leaves it as it was",
      "aria-label": "Note",
      onkeydown: (event) => {
        event.stopPropagation();
        if (event.key === "Enter") done(true);
        else if (event.key === "Escape") {
          event.preventDefault();
          done(false);
        }
      },
    });
    field.value = text;
    return field;
  }

  function act(name) {
    const id = cellAt(current),
      given = marks.of(id);
    if (name === "note") noting = true;
    else mark(id, name === "star" ? { star: !given.star, reject: false } : { reject: !given.reject, star: false });
    drawPopup();
  }

  function step(axis, by) {
    if (axis == null) return;
    const count = lengths[axis];
    current = moved(current, axis, (current[axis] + by + count) % count);
    drawPopup();
  }

  function keydown(event) {
    const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target?.tagName),
      note = event.target?.classList?.contains("note");
    if (event.ctrlKey || event.metaKey || event.altKey || note || (typing && event.key !== "Escape")) return;
    if (popup.hidden) {
      if (event.key === "Escape" && leave) {
        event.preventDefault();
        leave();
      }
      return;
    }
    if (duel) return duelKey(event);
    if (event.target?.tagName === "BUTTON" && (event.key === " " || event.key === "Enter")) return;
    const id = cellAt(current);
    const actions = {
      ArrowLeft: () => step(state.x, -1),
      ArrowRight: () => step(state.x, 1),
      ArrowUp: () => step(state.y, -1),
      ArrowDown: () => step(state.y, 1),
      PageUp: () => step(state.z, -1),
      PageDown: () => step(state.z, 1),
      " ": () => {
        if (!held) {
          held = true;
          drawPopup();
        }
      },
      0: () => {
        whole();
        drawPopup();
      },
      p: () => {
        pin = pin && cellAt(pin) === id ? null : current;
        if (!pin) mode = "plain";
        drawPopup();
      },
      w: () => {
        mode = mode === "wipe" ? "plain" : "wipe";
        drawPopup();
      },
      d: () => {
        mode = mode === "difference" ? "plain" : "difference";
        drawPopup();
      },
      s: () => act("star"),
      x: () => act("reject"),
      n: () => act("note"),
      Escape: close,
    };
    const action = actions[event.key];
    if (action) {
      event.preventDefault();
      event.stopPropagation();
      action();
    }
  }
  function keyup(event) {
    if (event.key === " " && held) {
      held = false;
      if (current) drawPopup();
    }
  }

  // Two pictures that differ in one axis only, without their names.
  let duel = null;

  function startDuel() {
    const axis = state.y ?? state.x;
    if (axis == null) return;
    duel = {
      axis,
      wins: data.axes[axis].values.map(() => 0),
      seen: data.axes[axis].values.map(() => 0),
      pair: null,
      misses: 0,
    };
    popup.hidden = false;
    nextDuel();
    popup.focus();
  }
  function nextDuel() {
    // Values that were seen least come first, so that all get their turn.
    const order = values(duel.axis)
      .map((value) => [duel.seen[value] + Math.random(), value])
      .sort((a, b) => a[0] - b[0])
      .map(([, value]) => value);
    const at = lengths.map((count) => Math.floor(Math.random() * count));
    const drawn = order.map((value) => moved(at, duel.axis, value)).filter((one) => failed(cellAt(one)) === undefined);
    const pair = drawn.filter((one, i) => drawn.findIndex((other) => cellAt(other) === cellAt(one)) === i).slice(0, 2);
    if (pair.length < 2 && ++duel.misses > 100) return endDuel();
    if (pair.length < 2) return nextDuel();
    duel.pair = Math.random() < 0.5 ? pair.reverse() : pair;
    drawDuel();
  }
  function drawDuel() {
    const shown = duel.pair.map((at, side) =>
      make(
        "div",
        { class: "stage half", onclick: () => vote(side) },
        make("img", { src: address(cellAt(at)), "data-cell": cellAt(at), alt: "" }),
      ),
    );
    popup.replaceChildren(
      make(
        "p",
        { class: "where" },
        `Which is better? left or right arrow, down = equal, Esc = result (${duel.seen.reduce((a, b) => a + b, 0) / 2} so far)`,
      ),
      make("div", { class: "pair" }, ...shown),
    );
  }
  function vote(side) {
    duel.pair.forEach((at, i) => {
      duel.seen[at[duel.axis]] += 1;
      duel.wins[at[duel.axis]] += side === null ? 0.5 : i === side ? 1 : 0;
    });
    nextDuel();
  }
  function duelKey(event) {
    const votes = { ArrowLeft: 0, ArrowRight: 1, ArrowDown: null };
    if (event.key in votes && duel.pair) {
      event.preventDefault();
      vote(votes[event.key]);
    } else if (event.key === "Escape") {
      event.preventDefault();
      if (duel.pair) endDuel();
      else close();
    }
  }
  function endDuel() {
    const axis = data.axes[duel.axis];
    const rows = axis.names
      .map((name, i) => [duel.seen[i] ? duel.wins[i] / duel.seen[i] : -1, name, i])
      .sort((a, b) => b[0] - a[0])
      .map(([rate, name, i]) =>
        make(
          "tr",
          {},
          make("td", {}, name),
          make("td", {}, rate < 0 ? "-" : `${Math.round(rate * 100)} %`),
          make("td", {}, `${duel.wins[i]} of ${duel.seen[i]}`),
        ),
      );
    duel.pair = null;
    popup.replaceChildren(
      make("p", { class: "where" }, `Won, by ${axis.title}`),
      make("table", { class: "result" }, ...rows),
      make("p", { class: "keys" }, make("kbd", {}, "Esc"), " back"),
    );
  }

  function download(blob, name) {
    const link = make("a", { href: URL.createObjectURL(blob), download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }

  function exportMarks() {
    const cells = Object.fromEntries(
      marks.given.map(([id, given]) => [id, { ...given, parameters: data.parameters?.[id] }]),
    );
    download(
      new Blob([JSON.stringify({ comparison: data.name, marks: cells }, null, 1)], { type: "application/json" }),
      `${data.name}-marks.json`,
    );
  }

  function choose(attributes, use) {
    const field = make("input", { type: "file", ...attributes, onchange: () => use([...field.files]) });
    field.click();
  }

  async function importMarks([file]) {
    try {
      const found = Object.entries(JSON.parse(await file.text()).marks).filter(([id]) => id in data.sizes);
      for (const [id, { star, reject, note }] of found)
        await mark(id, { star: star === true, reject: reject === true, note: typeof note === "string" ? note : "" });
      say(`${found.length} marks of ${file.name}`);
      drawGrid();
    } catch {
      say(`${file.name} is no file of marks`);
    }
  }

  async function exportPicture() {
    say("drawing the picture ...");
    try {
      download(await sheet(data.title, shownBlocks(address), state.size), `${data.name}.png`);
      say("");
    } catch (error) {
      if (error.name !== "SecurityError") return say(`no picture: ${error.message}`);
      // Opened as a file, the page may show pictures but not read them: the user hands them over.
      say("choose the folder 'cells' beside this page");
      choose({ webkitdirectory: true }, async (files) => {
        const found = new Map(files.map((file) => [file.name, file]));
        const opened = (id) => {
          const file = found.get(`${id}.png`);
          return file ? URL.createObjectURL(file) : "";
        };
        download(await sheet(data.title, shownBlocks(opened), state.size), `${data.name}.png`);
        say("");
      });
    }
  }

  /** What the page shows, for the picture of it. */
  function shownBlocks(from) {
    return values(state.z).map((z) => {
      const blockAt = moved(state.at, state.z, z);
      const one = (at) => {
        const id = cellAt(at),
          [width, height] = data.sizes[id];
        return visible(id)
          ? { source: failed(id) === undefined ? from(id) : "", width, height, star: marks.of(id).star }
          : null;
      };
      return {
        title: state.z == null ? "" : `${title(data.axes[state.z])}: ${data.axes[state.z].values[z]}`,
        columns: values(state.x).map((x) => (state.x == null ? "" : data.axes[state.x].values[x])),
        rows: values(state.y).map((y) => ({
          name: state.y == null ? "" : data.axes[state.y].values[y],
          cells: values(state.x).map((x) => one(moved(moved(blockAt, state.y, y), state.x, x))),
        })),
      };
    });
  }

  root.addEventListener(
    "wheel",
    (event) => {
      if (!event.ctrlKey || !popup.hidden) return;
      event.preventDefault();
      resize(Math.round(state.size * (event.deltaY < 0 ? 1.1 : 1 / 1.1)));
    },
    { passive: false },
  );
  keys.addEventListener("keydown", keydown);
  keys.addEventListener("keyup", keyup);
  draw();
  return () => {
    keys.removeEventListener("keydown", keydown);
    keys.removeEventListener("keyup", keyup);
    root.replaceChildren();
  };
}
