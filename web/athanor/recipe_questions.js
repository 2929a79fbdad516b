// What a recipe cannot know of this computer: files of models, and folders of pictures.

import { make } from "./dom.js";
import { chooseFolder } from "./folder_chooser.js";
import { told } from "./sentences.js";
import { openUpload } from "./upload.js";
import { t } from "./words.js";

/** The names of files that a widget of a kind of node offers; null where it can be typed freely. */
function offered(kind, input) {
  const widget = window.LiteGraph.createNode(kind)?.widgets?.find(({ name }) => name === input);
  const { values } = widget?.options ?? {};
  return Array.isArray(values) ? values.filter((name) => typeof name === "string") : null;
}

function fileField(names, { chosen, said }) {
  const named = said.split(/[/\\]/).pop();
  const option = (value, text) => make("option", { value, selected: value === chosen }, text);
  const isMissing = named && !names.includes(chosen);
  const later = isMissing ? t("– later: {name} is not here –", { name: named }) : t("– later –");
  const field = make(
    "select",
    {},
    option("", later),
    names.map((name) => option(name, name)),
  );
  field.value = names.includes(chosen) ? chosen : "";
  return { field, more: [], later: named }; // which its node then says is missing
}

function folderField({ chosen, role }) {
  const field = make("input", { type: "text", spellcheck: "false", value: chosen, placeholder: t("later") });
  const set = (folder) => {
    field.value = folder;
    field.dispatchEvent(new Event("input"));
  };
  const upload = () => openUpload({ folder: field.value, done: ({ folder }) => set(folder) });
  const choose = () => chooseFolder({ value: field.value, extension: ".txt", chosen: set, upload });
  const button = make("button", { type: "button", onclick: choose }, t("Choose folder"));
  return { field, more: role === "folder" ? [button] : [], later: "" };
}

/** Questions that say the same are one: a file that two nodes load is chosen once. */
function together(questions) {
  const found = new Map();
  for (const question of questions) {
    const key = JSON.stringify([question.text, question.role, question.said]);
    found.set(key, [...(found.get(key) ?? []), question]);
  }
  return [...found.values()];
}

/** The questions of a reading as fields. */
export class Questions {
  /** `rows`: the nodes, and `questions`, of the server's answer; `changed()` is called after each answer. */
  constructor(rows, questions, changed) {
    const kinds = new Map(rows.map(({ id, type }) => [id, type]));
    this.all = together(questions).map((same) => {
      const [question] = same;
      const names = offered(kinds.get(question.node), question.input);
      return { same, ...(names ? fileField(names, question) : folderField(question)) };
    });
    this.element = make("section", { class: "questions", hidden: !questions.length });
    this.element.append(make("h3", {}, t("Of this computer")), ...this.all.map((one) => this.line(one, changed)));
  }

  line({ same: [question], field, more }, changed) {
    const label = make("label", { class: "field" }, make("span", {}, told(question.text)), field);
    const line = make("div", { class: "question" }, label, ...more);
    const draw = () => line.classList.toggle("open", !field.value);
    for (const kind of ["input", "change"]) {
      field.addEventListener(kind, () => {
        draw();
        changed();
      });
    }
    draw();
    return line;
  }

  /** What goes into the nodes: [{node, input, text, value, isOpen}], `text` being the question. */
  get answers() {
    return this.all.flatMap(({ same, field, later }) =>
      same.map(({ node, input, text }) => {
        const chosen = field.value.trim();
        return { node, input, text, value: chosen || later, isOpen: !chosen };
      }),
    );
  }

  /** How many are without an answer. */
  get open() {
    return this.all.filter(({ field }) => !field.value.trim()).length;
  }

  /** The first field without an answer; undefined if there is none. */
  get firstOpen() {
    return this.all.find(({ field }) => !field.value.trim())?.field;
  }
}
