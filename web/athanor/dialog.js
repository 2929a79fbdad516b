// Small dialogs over the page: a question with its answers, or a window with a list.

import { make, style } from "./dom.js";
import { t } from "./words.js";

style("./athanor.css");
style("./runs.css");

/**
 * Open a dialog over the page. Once it is closed, it is removed, and the focus is back where it was.
 *
 * A button that is removed or disabled while it has the focus leaves it with the page, whose keys the host would then
 * take: Escape closes the dialog all the same.
 */
export function openOver(dialog) {
  const opener = document.activeElement;
  const hold = (event) => event.target === document.body && event.stopPropagation();
  window.addEventListener("keydown", hold, true);
  dialog.addEventListener("close", () => {
    window.removeEventListener("keydown", hold, true);
    dialog.remove();
    opener?.focus?.({ preventScroll: true });
  });
  document.body.append(dialog);
  dialog.showModal();
}

/** The head of a dialog: what it shows, and the button Close. `label`: the button's name for screen readers. */
export function dialogHead(content, close, label = null) {
  return make(
    "header",
    {},
    ...[content].flat(),
    make("button", { type: "button", "aria-label": label, onclick: close }, t("Close")),
  );
}

/** Open a window with a title, content and buttons at its foot; it is closed by Escape and by `dialog.close()`. */
export function openWindow(title, { content = [], foot = [], kind = "" }) {
  const dialog = make(
    "dialog",
    { class: `athanor athanor-window ${kind}`, "aria-label": title },
    dialogHead(make("h2", {}, title), () => dialog.close()),
    make("div", { class: "content" }, content),
    make("footer", {}, foot),
  );
  dialog.addEventListener("keydown", (event) => event.stopPropagation()); // the host has keys of its own
  openOver(dialog);
  return dialog;
}

/**
 * Ask whether to do something. `lines`: of text; `action`: the word of the button that does it; `option`: a line with a
 * box to tick, or nothing; `field`: the name of a field to type into, which holds `text` at first, or nothing. Returns
 * {option: whether it was ticked, text: what was typed}, or null.
 */
export function ask(title, { lines, action, option = "", field = "", text = "", list = null }) {
  return new Promise((resolve) => {
    let answer = null;
    const box = make("input", { type: "checkbox" });
    const input = make("input", {
      type: "text",
      "aria-label": field,
      "value": text,
      list,
      onkeydown: (event) => event.key === "Enter" && act(event),
    });
    const act = (event) => {
      event.preventDefault(); // Enter would go on to the button that has the focus again, and press it
      answer = { option: box.checked, text: input.value };
      dialog.close();
    };
    const button = make("button", { type: "button", class: "act", onclick: act }, action);
    const cancel = make("button", { type: "button", onclick: () => dialog.close() }, t("Cancel"));
    const content = lines.filter(Boolean).map((line) => make("p", {}, line));
    if (field) content.push(input);
    if (option) content.push(make("label", {}, box, option));
    const dialog = openWindow(title, { content, foot: [cancel, button], kind: "small" });
    dialog.addEventListener("close", () => resolve(answer));
    (field ? input : button).focus();
    if (text) input.select();
  });
}
