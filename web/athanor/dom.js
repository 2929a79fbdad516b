// Small helpers: elements, numbers in words, the host's colours.

import { t } from "./words.js";

/** An element; text goes in as text nodes, so nothing out of a file is ever read as HTML. */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value" || name === "checked" || name === "disabled") element[name] = value;
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.flat().filter((child) => child != null && child !== false));
  return element;
}

/** Load a style sheet beside this module once. */
export function style(path) {
  const href = new URL(path, import.meta.url).href;
  if (
    ![...document.styleSheets].some((sheet) => sheet.href === href) &&
    !document.querySelector(`link[href="${href}"]`)
  )
    document.head.append(make("link", { rel: "stylesheet", href }));
}

export function duration(seconds) {
  if (!Number.isFinite(seconds)) return "";
  const whole = Math.round(seconds),
    h = Math.floor(whole / 3600),
    m = Math.floor(whole / 60) % 60,
    s = whole % 60;
  const two = (n) => String(n).padStart(2, "0");
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

export const speed = (seconds) =>
  !seconds ? "" : seconds >= 1 ? `${seconds.toFixed(2)} s/it` : `${(1 / seconds).toFixed(2)} it/s`;

export function number(value) {
  if (value == null || !Number.isFinite(value)) return "–";
  if (value === 0) return "0";
  return Math.abs(value) >= 0.001 && Math.abs(value) < 1e5
    ? String(Number(value.toPrecision(4)))
    : value.toExponential(2);
}

export const when = (time) =>
  time ? new Date(time * 1000).toLocaleString([], { dateStyle: "short", timeStyle: "short" }) : "";

/** How a run stands: a sign and a word, so that colour says nothing alone. */
export function standing(brief) {
  if (!brief) return { sign: "…", word: t("preparing"), kind: "live" };
  if (brief.live) return { sign: "▶", word: t("running"), kind: "live" };
  if (brief.elsewhere) return { sign: "▶", word: t("running elsewhere"), kind: "elsewhere" }; // by another process
  const known = {
    done: ["✓", "finished"],
    stopped: ["■", "stopped"],
    interrupted: ["■", "interrupted"],
    failed: ["✗", "failed"],
  }[brief.status] ?? ["✗", "ended without a word"]; // its process was killed
  return { sign: known[0], word: t(known[1]), kind: brief.status };
}

const DARK = ["#5ac878", "#f0aa50", "#8ab0ff", "#e08ae0", "#f0e060", "#60d8d8", "#ff9a90", "#c8c8d0"];
const LIGHT = ["#1d8a4a", "#b4610c", "#2c5cc0", "#a23ca2", "#86740a", "#0b7f86", "#b3261e", "#50505a"];
export const DASHES = [[], [7, 3], [2, 3], [10, 3, 2, 3], [14, 4], [5, 2, 1, 2, 1, 2], [3, 6], [9, 2]];

/** Colours that fit the host's theme. */
export function theme() {
  const css = getComputedStyle(document.documentElement),
    body = getComputedStyle(document.body);
  const read = (...names) =>
    names.map((n) => (css.getPropertyValue(n) || body.getPropertyValue(n)).trim()).find(Boolean);
  const paper = read("--comfy-menu-bg", "--bg-color") ?? "#202020";
  const light = luminance(paper) > 0.5;
  return {
    light,
    paper,
    ink: read("--input-text", "--fg-color") ?? (light ? "#111" : "#eee"),
    muted: read("--descrip-text") ?? "#888",
    line: light ? "rgba(0,0,0,.12)" : "rgba(255,255,255,.12)",
    colours: light ? LIGHT : DARK,
  };
}

function luminance(colour) {
  const pen = document.createElement("canvas").getContext("2d");
  pen.fillStyle = colour;
  pen.fillRect(0, 0, 1, 1);
  const [r, g, b] = pen.getImageData(0, 0, 1, 1).data;
  return (0.3 * r + 0.59 * g + 0.11 * b) / 255;
}

/** Call `changed` when the host's theme does. */
export function onTheme(changed) {
  let before = JSON.stringify(theme()),
    asked = false;
  const observer = new MutationObserver(() => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      const now = JSON.stringify(theme());
      if (now !== before) {
        before = now;
        changed();
      }
    });
  });
  for (const element of [document.documentElement, document.body])
    observer.observe(element, { attributes: true, attributeFilter: ["style", "class"] });
}
