// Colours and dashes of charts that fit the host's theme.

const DARK = ["#5ac878", "#f0aa50", "#8ab0ff", "#e08ae0", "#f0e060", "#60d8d8", "#ff9a90", "#c8c8d0"];
const LIGHT = ["#1d8a4a", "#b4610c", "#2c5cc0", "#a23ca2", "#86740a", "#0b7f86", "#b3261e", "#50505a"];
const DASHES = [[], [7, 3], [2, 3], [10, 3, 2, 3], [14, 4], [5, 2, 1, 2, 1, 2], [3, 6], [9, 2]];

/** The dash pattern of line number `index` in pixels; after eight lines they start again. */
export const dash = (index) => DASHES[index % DASHES.length];

/** Ink, paper, muted ink, grid lines and line colours that can be read on the host's panels. */
export function theme() {
  const styles = [document.documentElement, document.body].map((element) => getComputedStyle(element));
  const read = (...names) =>
    names.map((name) => styles.map((css) => css.getPropertyValue(name).trim()).find(Boolean)).find(Boolean);
  const light = luminance(read("--comfy-menu-bg", "--bg-color") ?? "#202020") > 0.5;
  const lines = light ? LIGHT : DARK;
  return {
    ink: read("--input-text", "--fg-color") ?? (light ? "#111" : "#eee"),
    paper: read("--comfy-menu-bg", "--bg-color") ?? (light ? "#fff" : "#202020"),
    muted: read("--descrip-text") ?? "#888",
    grid: light ? "rgba(0,0,0,.12)" : "rgba(255,255,255,.12)",
    lines,
    /** The colour of line number `index`. */
    line: (index) => lines[index % lines.length],
  };
}

/** The brightness of a CSS colour, from 0 to 1. */
function luminance(colour) {
  const pen = document.createElement("canvas").getContext("2d");
  pen.fillStyle = colour;
  pen.fillRect(0, 0, 1, 1);
  const [r, g, b] = pen.getImageData(0, 0, 1, 1).data;
  return (0.3 * r + 0.59 * g + 0.11 * b) / 255;
}

/** Call `changed` when the host's theme has changed. */
export function onTheme(changed) {
  let before = JSON.stringify(theme());
  let isWaiting = false;
  const compare = () => {
    isWaiting = false;
    const now = JSON.stringify(theme());
    if (now === before) return;
    before = now;
    changed();
  };
  const observer = new MutationObserver(() => {
    if (isWaiting) return;
    isWaiting = true;
    requestAnimationFrame(compare);
  });
  for (const element of [document.documentElement, document.body]) {
    observer.observe(element, { attributes: true, attributeFilter: ["style", "class"] });
  }
}
