// The ways to "Import recipe": a command, a file that is dropped on the page, a text that is pasted on the canvas, and
// a button on an empty canvas and on the node that reads a recipe.

import { app } from "../../../scripts/app.js";
import { api } from "../../../scripts/api.js";
import { addButton, widgetOf } from "./extend.js";
import { openImport } from "./import_dialog.js";
import { EmptyHint } from "./import_hint.js";
import { isHosts, isRecipe, looksLikeRecipe, mayBeRecipe } from "./recipe_files.js";
import { t } from "./words.js";

const KIND = "AthanorImportRecipe";
const COMMAND = "Athanor.ImportRecipe";
const LINES = 120; // pixels more for the text of a new node
const handedOn = new WeakSet(); // drops that go to the host
const hint = new EmptyHint(() => openImport());

const isOverDialog = () => Boolean(document.querySelector("dialog[open], .p-dialog, [role=dialog]"));

/** Give files to the host as if they were dropped where they were. */
function handOn(target, { clientX, clientY }, files) {
  const dataTransfer = new DataTransfer();
  for (const file of files) dataTransfer.items.add(file);
  const drop = new DragEvent("drop", { clientX, clientY, bubbles: true, cancelable: true, dataTransfer });
  handedOn.add(drop);
  (target.isConnected ? target : document.body).dispatchEvent(drop);
}

/**
 * Something was dropped, and no part of the page has taken it. What is in files is known only later, when the host has
 * taken them: so files whose names recipes have are kept from it, and handed on if they are none.
 */
async function dropped(event) {
  const { target } = event;
  const files = [...(event.dataTransfer?.files ?? [])];
  if (handedOn.has(event) || event.defaultPrevented || !files.some(mayBeRecipe)) return;
  if (app.dragOverNode?.onDragDrop || target.closest?.("dialog")) return; // they take files themselves
  event.preventDefault();
  event.stopPropagation();
  app.dragOverNode = null;
  const are = await Promise.all(files.map((file) => isRecipe(file).catch(() => false)));
  // A text beside a recipe is its list of prompts.
  const isTaken = (file, i) => are[i] || (are.includes(true) && /\.txt$/i.test(file.name));
  const taken = files.filter(isTaken);
  const others = files.filter((file, i) => !isTaken(file, i));
  if (others.length) handOn(target, event, others);
  if (taken.length) openImport({ files: taken });
}

const TYPED = "input, textarea, select, [contenteditable]:not([contenteditable=false])";

/** Something is pasted on the canvas: a recipe opens the dialog, everything else is the host's. */
function pasted(event) {
  const isTyped = [event.target, document.activeElement].some((element) => element?.closest?.(TYPED));
  if (event.defaultPrevented || isTyped || isOverDialog()) return;
  const text = event.clipboardData?.getData("text/plain") ?? "";
  if (!looksLikeRecipe(text) || isHosts(text)) return;
  event.preventDefault();
  event.stopPropagation();
  openImport({ text });
}

app.registerExtension({
  name: "Athanor.Import",
  commands: [{ id: COMMAND, label: "Import training recipe", icon: "pi pi-file-import", function: () => openImport() }],
  menuCommands: [{ path: ["File"], commands: [COMMAND] }],
  setup() {
    // The parts of the page have heard of it before, and the host hears of it after.
    document.body.addEventListener("drop", dropped);
    document.body.addEventListener("paste", pasted);
    for (const kind of ["graphChanged", "graphCleared"]) api.addEventListener(kind, () => hint.drawSoon());
  },
  afterConfigureGraph() {
    hint.drawSoon();
  },
  nodeCreated(node) {
    hint.drawSoon();
    if (node.comfyClass !== KIND) return;
    const label = t("Make the graph…");
    const tooltip = t(
      "Read the text of this node: what becomes of it is shown before, and the graph opens in a new tab",
    );
    const onclick = () => openImport({ text: String(widgetOf(node, "recipe")?.value ?? "") });
    addButton(node, "athanor_import", { label, tooltip, onclick });
    node.setSize([node.size[0], node.size[1] + LINES]);
  },
});
