// One run in detail: verdict, files, samples, loss by noise level, pictures with the highest loss.

import { BandChart, swatch } from "./chart.js";
import { openRun as openDataset } from "./dataset.js";
import { make, number, standing } from "./dom.js";
import { open as openMatrix } from "./matrix.js";
import { commands } from "./panel.js";
import { t } from "./words.js";

/** The nearest place below `at` where a node covers no other. */
function free([x, y], [width, height], nodes) {
  for (let moved = true; moved; ) {
    const under = nodes.find(
      (n) =>
        n.pos[0] < x + width && n.pos[0] + n.size[0] > x && n.pos[1] - 40 < y + height && n.pos[1] + n.size[1] + 40 > y,
    );
    moved = Boolean(under);
    if (under) y = under.pos[1] + under.size[1] + 41;
  }
  return [x, y];
}

const SIGNS = { good: "✓", note: "!", bad: "✗", unknown: "?" };

export class Details {
  /** `offer` lets the host's nodes know of new files. */
  constructor(app, offer) {
    Object.assign(this, { app, offer });
    this.head = make("div");
    this.buttons = commands(
      () => this.run,
      (words) => {
        this.said.textContent = words;
      },
    );
    this.said = make("p", { class: "athanor-note", role: "status" });
    this.verdict = make("ul", { class: "athanor-verdict" });
    this.files = make("div");
    this.samples = make("div");
    this.bands = new BandChart();
    this.bandWords = make("div", { class: "athanor-legend" });
    this.pictures = make("div");
    const section = (title, ...inner) => make("details", { open: true }, make("summary", {}, t(title)), ...inner);
    this.element = make(
      "div",
      { class: "athanor-details", hidden: true },
      this.head,
      this.buttons,
      this.said,
      section("Verdict", this.verdict),
      section("Saved files", this.files),
      section("Samples", this.samples),
      section("Loss by noise level", this.bands.element, this.bandWords),
      section("Pictures with the highest loss", this.pictures),
    );
  }

  show(run) {
    if (this.run === run) return;
    this.leave?.();
    this.run = run;
    this.told = null;
    this.stamp = "";
    this.element.hidden = false;
    this.leave = run.watch(() => this.changed());
    this.changed();
  }

  /** The look back is asked for again when the run has something new to look at; of steps alone, every ten seconds. */
  changed() {
    const { run } = this,
      brief = run.brief;
    this.drawHead();
    if (!brief || !this.element.isConnected) return;
    const stamp = `${run.id} ${brief.status} ${brief.live} ${brief.events.length} ${brief.checkpoints.length} ${run.live ? Math.floor(Date.now() / 10_000) : run.last?.step}`;
    if (stamp === this.stamp || this.asking) return;
    this.stamp = stamp;
    this.asking = run
      .review()
      .then((told) => {
        if (this.run !== run) return;
        this.told = told;
        this.draw();
      })
      .catch((error) => {
        this.said.textContent = error.message;
      })
      .finally(() => {
        this.asking = null;
        if (this.run !== run) this.changed();
      });
  }

  drawHead() {
    const { run } = this,
      brief = run.brief,
      { sign, word, kind } = standing(brief);
    this.buttons.hidden = !run.live;
    this.buttons.live(run.live);
    this.head.replaceChildren(
      make("h3", {}, brief?.name ?? run.id),
      make(
        "p",
        {},
        make("b", { class: "athanor-state", "data-kind": kind }, `${sign} ${word}`),
        brief
          ? t(" at step {step} of {steps}", { step: Math.max(run.last?.step ?? 0, brief.step), steps: brief.steps }) +
              (brief.why ? `: ${brief.why}` : "")
          : "",
      ),
      make(
        "div",
        { class: "athanor-buttons" },
        make("button", { type: "button", onclick: () => this.openWorkflow() }, t("Open workflow")),
        brief && !run.live && !brief.elsewhere && brief.status !== "done"
          ? make(
              "button",
              {
                type: "button",
                title: t("Open its workflow and queue it: it goes on from its last state"),
                onclick: () => this.resume(),
              },
              t("Resume"),
            )
          : null,
        make(
          "button",
          {
            type: "button",
            title: t("Pictures, captions, crops and tags of this run"),
            onclick: () => openDataset(run.id),
          },
          t("Dataset"),
        ),
        make("a", { class: "button", href: run.report, target: "_blank", rel: "noopener" }, t("Report")),
        make(
          "button",
          {
            type: "button",
            title: t(
              "Add an axis of this run's files (of those with a star, if there are any) to the graph, for XYZ Compare",
            ),
            onclick: () => this.addAxis(this.told?.checkpoints.filter((c) => c.starred)),
          },
          t("Add compare axis"),
        ),
      ),
    );
  }

  draw() {
    const { told, run } = this;
    this.verdict.replaceChildren(
      ...told.verdict.map(({ kind, text }) =>
        make("li", { "data-kind": kind }, make("b", {}, SIGNS[kind]), ` ${text}`),
      ),
    );
    this.drawFiles();
    this.drawSamples();
    this.bands.show(told.bands);
    this.bandWords.replaceChildren(
      ...told.bands.bands
        .filter((b) => b.count)
        .map((b, i) =>
          make(
            "span",
            {},
            swatch(i),
            `${t("timesteps {from} to {to}", b)}${b.first != null && b.last != null ? ` (${(100 * (b.last / b.first - 1)).toFixed(0)} %)` : ""}`,
          ),
        ),
      told.bands.bands.length ? make("span", {}, t("1000 is pure noise; in brackets: last third against first")) : "",
    );
    const low = told.pictures;
    this.pictures.replaceChildren(
      low.length
        ? make(
            "ul",
            { class: "athanor-pictures" },
            low.map((p) =>
              make(
                "li",
                { title: p.caption },
                make("img", { src: run.picture(p.picture), alt: p.name, loading: "lazy" }),
                make("span", {}, `${p.relative.toFixed(2)} ×`),
                make("span", { class: "name" }, p.name),
              ),
            ),
          )
        : make("p", { class: "athanor-empty" }, t("Not enough steps yet.")),
      low.length
        ? make(
            "p",
            { class: "athanor-empty" },
            t(
              "Multiples of the mean loss at the same noise level, in the second half of the run. High: a picture unlike the others, or a caption that does not fit.",
            ),
          )
        : "",
    );
  }

  drawFiles() {
    const { told, run } = this;
    if (!told.checkpoints.length) {
      this.files.replaceChildren(
        make(
          "p",
          { class: "athanor-empty" },
          t(run.live ? "None yet: Save now writes one." : "No files, or they are gone."),
        ),
      );
      return;
    }
    const heads = ["", "epoch", "step", "loss", "probe %", "norm", "MB"];
    const stem = (file) => file.replace(/\.safetensors$/, "");
    this.files.replaceChildren(
      make(
        "table",
        {},
        make(
          "thead",
          {},
          make(
            "tr",
            {},
            heads.map((h) => make("th", { scope: "col" }, t(h))),
          ),
        ),
        told.checkpoints.map((c) =>
          make(
            "tbody",
            { title: c.file },
            make(
              "tr",
              {},
              make(
                "td",
                {},
                make(
                  "button",
                  {
                    type: "button",
                    class: "star",
                    "aria-pressed": String(c.starred),
                    "aria-label": t("Star {file}", c),
                    title: t("A star: this one goes on the compare axis"),
                    onclick: () => this.star(c),
                  },
                  c.starred ? "★" : "☆",
                ),
              ),
              make("td", {}, c.epoch),
              make("td", {}, c.step),
              make("td", {}, number(c.loss)),
              make("td", {}, c.probe == null ? "–" : c.probe.toFixed(1)),
              make("td", {}, number(c.norm)),
              make("td", {}, (c.bytes / 1e6).toFixed(1)),
            ),
            make(
              "tr",
              {},
              make(
                "td",
                { class: "actions", colspan: heads.length },
                make("span", { class: "file" }, stem(c.file)),
                make(
                  "button",
                  {
                    type: "button",
                    "aria-label": t("Copy the name {file}", c),
                    title: t("Copy the name {file}", c),
                    onclick: () => this.copy(c.file),
                  },
                  t("Name"),
                ),
                make(
                  "button",
                  {
                    type: "button",
                    "aria-label": t("Keep a copy of {file} in loras", c),
                    title: t("Keep a copy in the loras folder, under a name of its own"),
                    onclick: (event) => this.keep(c.file, event.target),
                  },
                  t("Copy to loras"),
                ),
                make(
                  "button",
                  {
                    type: "button",
                    "aria-label": t("Compare {file} with the base model", c),
                    title: t("Add an axis of this file and the base model to the graph, for XYZ Compare"),
                    onclick: () => this.addAxis([c]),
                  },
                  t("Compare"),
                ),
                make(
                  "button",
                  {
                    type: "button",
                    "aria-label": t("Delete {file}", c),
                    title: t(run.live ? "Stop the run first" : "Delete {file}", c),
                    disabled: run.live,
                    onclick: () => this.discard(c.file),
                  },
                  t("Delete"),
                ),
              ),
            ),
          ),
        ),
      ),
    );
  }

  async star(checkpoint) {
    try {
      checkpoint.starred = (await this.run.star(checkpoint.file, !checkpoint.starred)).starred;
      this.drawFiles();
      this.files.querySelector(`[aria-label="${CSS.escape(t("Star {file}", checkpoint))}"]`)?.focus();
    } catch (error) {
      this.say(error.message);
    }
  }

  /** A line to type the copy's name into. */
  keep(file, button) {
    this.files.querySelector("form")?.remove();
    const { run } = this,
      name = make("input", {
        type: "search",
        "aria-label": t("Name of the copy"),
        value: `${file.replace(/\.safetensors$/, "")}-kept`,
      });
    const form = make(
      "form",
      {
        class: "athanor-line",
        onsubmit: async (event) => {
          event.preventDefault();
          try {
            const copied = await run.copy(file, name.value);
            form.remove();
            button.focus();
            this.say(t("Copied to {file}", copied));
            this.offer();
          } catch (error) {
            this.say(error.message);
          }
        },
      },
      name,
      make("button", { type: "submit" }, t("Copy")),
      make(
        "button",
        {
          type: "button",
          onclick: () => {
            form.remove();
            button.focus();
          },
        },
        t("Cancel"),
      ),
    );
    form.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (event.key === "Escape") {
        form.remove();
        button.focus();
      }
    });
    button.parentElement.append(form);
    name.focus();
    name.select();
  }

  drawSamples() {
    const { run } = this,
      drawn = run.brief?.samples ?? [];
    if (!drawn.length) {
      this.samples.replaceChildren(
        make("p", { class: "athanor-empty" }, t("None were drawn; connect a Sample Config.")),
      );
      return;
    }
    const last = drawn.filter((s) => s.step === drawn[drawn.length - 1].step);
    this.samples.replaceChildren(
      make(
        "div",
        { class: "athanor-strip" },
        last.slice(0, 8).map((s) =>
          make("img", {
            src: run.sample(s.file),
            alt: t("step {step}: {prompt}", s),
            title: t("step {step}: {prompt}", s),
            loading: "lazy",
          }),
        ),
      ),
      make("button", { type: "button", onclick: () => openMatrix(run) }, t("Open sample matrix")),
    );
  }

  say(words) {
    this.said.textContent = words;
  }

  async copy(file) {
    try {
      await navigator.clipboard.writeText(file);
      this.say(t("Copied: {file}", { file }));
    } catch {
      this.say(file);
    } // without a secure connection there is no clipboard
  }

  async discard(file) {
    const { run } = this;
    const last = run.brief?.checkpoints.find((c) => c.file === file)?.kind === "last";
    if (
      !confirm(
        t("Delete {file}? It cannot be brought back.", { file }) +
          (last ? t(" It is the run's final file: queued again, the run trains its end anew.") : ""),
      )
    )
      return;
    try {
      await run.discard(file);
      this.stamp = "";
      this.say(t("Deleted: {file}", { file }));
    } catch (error) {
      this.say(error.message);
    }
  }

  /** Queue the graph of a run that has not come to its end: it goes on from its last state. */
  async resume() {
    if (await this.openWorkflow()) await this.app.queuePrompt(0);
  }

  async openWorkflow() {
    const { run, app } = this;
    try {
      const { workflow, prompt } = await run.graph();
      if (workflow)
        await app.loadGraphData(
          workflow,
          true,
          true,
          t("{name} (run)", { name: run.brief?.name ?? run.id }).replaceAll("/", "_"),
        );
      else if (prompt) await app.loadApiJson(prompt, `${run.brief?.name ?? run.id}`.replaceAll("/", "_"));
      else {
        this.say(t("This run has kept no graph."));
        return false;
      }
      return true;
    } catch (error) {
      this.say(t("The workflow cannot be opened: {why}", { why: error.message }));
      return false;
    }
  }

  /** An axis of these files, or of all. */
  addAxis(files = []) {
    const { app, run } = this,
      { LiteGraph } = window;
    const node = LiteGraph?.createNode("AthanorLoRARunAxis");
    if (!node) {
      this.say(t("The node LoRA Run Axis cannot be made."));
      return;
    }
    const [x, y, w, h] = app.canvas.visible_area ?? [0, 0, 800, 600];
    node.pos = free([x + w / 2 - 150, y + h / 2 - 100], node.size, app.canvas.graph.nodes);
    app.canvas.graph.add(node);
    const source = node.widgets?.find((widget) => widget.name === "source");
    if (source) source.value = run.id;
    if (files.length) {
      const value = (name, it) => {
        const widget = node.widgets?.find((w) => w.name === name);
        if (widget) widget.value = it;
      };
      value("epochs", [...new Set(files.map((c) => (c.kind === "last" ? "last" : String(c.epoch))))].join(", "));
      value(
        "include_final",
        files.some((c) => c.kind === "last"),
      );
    }
    app.canvas.setDirty(true, true);
    this.say(t("Added LoRA Run Axis with this run; connect it to XYZ Compare."));
  }
}
