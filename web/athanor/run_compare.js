// The settings in which ticked runs differ, side by side.

import { openWindow } from "./dialog.js";
import { make } from "./dom.js";
import { settingText } from "./format.js";
import { differences } from "./manage.js";
import { asText } from "./run_order.js";
import { t } from "./words.js";

const MOST = 20; // runs: as many as the server compares

/** The whole value for a copy, which others read as numbers. */
const whole = (value) => (value == null ? "" : String(value));

function nameOf({ group, name }) {
  return make("th", { scope: "row" }, name, group ? make("small", {}, ` ${group}`) : null);
}

function tableOf(names, rows) {
  const heads = names.map((name) => make("th", { scope: "col", title: name }, name));
  const lines = rows.map((row) =>
    make(
      "tr",
      {},
      nameOf(row),
      row.values.map((value) => make("td", { title: whole(value) }, settingText(value))),
    ),
  );
  return make("table", {}, make("thead", {}, make("tr", {}, make("td"), heads)), make("tbody", {}, lines));
}

async function copy(text, status) {
  try {
    await navigator.clipboard.writeText(text);
    status.textContent = t("Copied as a table.");
  } catch {
    status.textContent = t("The page may not use the clipboard here: select the table and copy it.");
  }
}

/** Open the window for runs by their ids; `nameOfRun(id)`: what they are called. Throws an Error with a sentence. */
export async function compareRuns(ids, nameOfRun) {
  const { runs, rows } = await differences(ids.slice(0, MOST));
  const names = runs.map(nameOfRun);
  const status = make("span", { role: "status", class: "where" });
  if (ids.length > MOST) status.textContent = t("The first {count} of the ticked runs.", { count: MOST });
  const onclick = () => copy(asText(names, rows, whole), status);
  const button = make("button", { type: "button", onclick }, t("Copy"));
  const content = rows.length
    ? tableOf(names, rows)
    : make("p", { class: "athanor-empty" }, t("They were trained with the same settings on the same pictures."));
  const title = t("Differences of {count} runs", { count: runs.length });
  return openWindow(title, { content, foot: [status, button], kind: "differences" });
}
