// The dataset page, read only: pictures with caption, crop and bucket, tags with counts, the doctor's findings.

import { api } from "../../../scripts/api.js";
import { make, style } from "./dom.js";
import { Pictures, framed } from "./pictures.js";
import { t } from "./words.js";

style("./athanor.css");
style("./dataset.css");

const SMALL = 500; // pictures that the doctor may look at unasked
const SIGNS = { error: "✗", warning: "!", hint: "·" };
const counted = (count) => t(count === 1 ? "{count} picture" : "{count} pictures", { count });

async function fetched(path, options) {
  const answer = await api.fetchApi(`/athanor/datasets${path}`, options);
  if (!answer.ok) throw Object.assign(new Error(await answer.text()), { status: answer.status });
  return answer.json();
}

const posted = (path, body) =>
  fetched(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body ?? {}) });

/** The dataset of a run. */
export const openRun = (id) => new Page(() => fetched(`/${id}`));

/** The dataset of a node in the open graph. */
export const openNode = (app, id) =>
  new Page(async () => posted("", { prompt: (await app.graphToPrompt()).output, node: String(id) }));

class Page {
  constructor(read) {
    Object.assign(this, { read, terms: new Map(), findings: null, before: document.activeElement });
    const field = (label, more) => make("input", { type: "search", placeholder: label, "aria-label": label, ...more });
    this.title = make("h2", {}, t("Dataset"));
    this.status = make("p", { class: "where", role: "status" }, t("Reading the pictures…"));
    this.text = field(t("Name or caption"), { oninput: () => this.soon() });
    this.bucket = make("select", { "aria-label": t("Bucket"), onchange: () => this.filter() });
    this.finding = make("select", { "aria-label": t("Finding"), onchange: () => this.filter() });
    this.examine = make(
      "button",
      {
        type: "button",
        title: t("Let the Dataset Doctor look for duplicates, blurred pictures and bad captions"),
        onclick: () => this.look(),
      },
      t("Look for problems"),
    );
    this.size = make("input", {
      type: "range",
      min: 90,
      max: 320,
      value: 150,
      "aria-label": t("Size of the pictures"),
      oninput: () => this.pictures.set({ side: Number(this.size.value) }),
    });
    this.crop = make("input", {
      type: "checkbox",
      checked: true,
      "aria-label": t("Show what is cut off"),
      onchange: () => {
        this.pictures.set({ crop: this.crop.checked });
        this.showOne(this.pictures.picture(this.pictures.at));
      },
    });
    this.none = make("button", { type: "button", onclick: () => this.reset() }, t("Clear filters"));
    this.termText = field(t("Find a tag"), { oninput: () => this.termsSoon() });
    this.termHead = make("h3", {}, t("Tags"));
    this.termList = make("ul", { class: "terms" });
    this.findingList = make("ul", { class: "findings" });
    this.one = make("aside", { class: "one", "aria-label": t("Picture") });
    this.pictures = new Pictures({
      page: (first, count) => this.page(first, count),
      url: (picture) => this.url(picture, 256),
      describe: (picture) => this.describe(picture),
      moved: (picture) => this.showOne(picture),
      entered: () => this.zoom(true),
    });
    this.stage = make("div", { class: "stage", hidden: true, onclick: () => this.zoom(false) });
    this.dialog = make(
      "dialog",
      { class: "athanor athanor-dataset", "aria-label": t("Dataset") },
      make(
        "header",
        {},
        this.title,
        this.status,
        make(
          "button",
          { type: "button", "aria-label": t("Close the dataset"), onclick: () => this.dialog.close() },
          t("Close"),
        ),
      ),
      make(
        "div",
        { class: "tools" },
        this.text,
        this.bucket,
        this.finding,
        this.none,
        this.examine,
        make("label", {}, t("size"), this.size),
        make("label", {}, this.crop, t("crop")),
      ),
      make(
        "div",
        { class: "main" },
        make(
          "aside",
          { class: "side", "aria-label": t("Tags and findings") },
          this.findingList,
          this.termHead,
          this.termText,
          this.termList,
        ),
        this.pictures.element,
        this.one,
        this.stage,
      ),
      make(
        "p",
        { class: "keys" },
        t("arrows, Page and Home keys: neighbour · Enter: large · Esc: back · a tag: with it, without it, any"),
      ),
    );
    this.dialog.addEventListener("keydown", (event) => this.key(event));
    this.dialog.addEventListener("cancel", (event) => {
      if (!this.stage.hidden) {
        event.preventDefault();
        this.zoom(false);
      }
    });
    this.dialog.addEventListener("close", () => {
      this.dialog.remove();
      this.before?.focus?.();
    });
    document.body.append(this.dialog);
    this.dialog.showModal();
    this.begin();
  }

  get open() {
    return this.dialog.isConnected;
  }

  async begin() {
    try {
      this.told = await this.read();
    } catch (error) {
      this.status.textContent = error.message;
      return;
    }
    const { told } = this;
    this.title.textContent = t("Dataset {title}", told);
    this.dialog.setAttribute("aria-label", t("Dataset {title}", told));
    this.bucket.replaceChildren(
      make("option", { value: "" }, t("all buckets")),
      ...told.buckets.map(([w, h, count]) => make("option", { value: `${w}x${h}` }, `${w}x${h} (${count})`)),
    );
    this.bucket.hidden = !told.buckets.length;
    this.termHead.textContent = `${t(told.kind === "tags" ? "Tags" : "Words")} (${told.terms})`;
    this.termText.placeholder = t(told.kind === "tags" ? "Find a tag" : "Find a word");
    this.termText.setAttribute("aria-label", this.termText.placeholder);
    this.setFindings(told.findings);
    this.readTerms();
    await this.filter();
    this.pictures.element.focus();
    if (!told.findings && told.pictures <= SMALL) this.look();
  }

  /** A request about this dataset; a server that has forgotten it reads it again. */
  async ask(path, options) {
    try {
      return await fetched(`/${this.told.id}${path}`, options);
    } catch (error) {
      if (error.status !== 404) throw error;
      this.told = await this.read();
      return fetched(`/${this.told.id}${path}`, options);
    }
  }

  url(picture, side) {
    return api.apiURL(`/athanor/datasets/${this.told.id}/thumbnails/${picture.index}?side=${side}`);
  }

  query(more) {
    const query = new URLSearchParams(more);
    for (const [term, way] of this.terms) query.append(way, term);
    for (const name of ["text", "bucket", "finding"])
      if (this[name].value.trim()) query.set(name, this[name].value.trim());
    return query;
  }

  async page(first, count) {
    try {
      return (await this.ask(`/pictures?${this.query({ first, count })}`)).pictures;
    } catch (error) {
      this.status.textContent = error.message;
      throw error;
    }
  }

  soon() {
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => this.filter(), 200);
  }

  async filter() {
    const asked = (this.asked = this.query({ first: 0, count: 100 }));
    try {
      const { total, pictures } = await this.ask(`/pictures?${asked}`);
      if (asked !== this.asked || !this.open) return;
      this.none.hidden = asked.size <= 2;
      const seen =
        this.told.seen === this.told.pictures ? "" : t(", {count} per epoch with repeats", { count: this.told.seen });
      this.status.textContent =
        total === this.told.pictures
          ? `${counted(total)}${seen}`
          : t("{count} of {all}", { count: total, all: counted(this.told.pictures) });
      this.pictures.show(total, pictures);
    } catch (error) {
      this.status.textContent = error.message;
    }
  }

  reset() {
    this.terms.clear();
    for (const name of ["text", "bucket", "finding"]) this[name].value = "";
    this.drawTerms();
    this.filter();
    this.pictures.element.focus();
  }

  termsSoon() {
    clearTimeout(this.termsWaiting);
    this.termsWaiting = setTimeout(() => this.readTerms(), 200);
  }

  async readTerms() {
    try {
      this.listed = await this.ask(`/terms?${new URLSearchParams({ text: this.termText.value, count: 300 })}`);
      this.drawTerms();
    } catch (error) {
      this.status.textContent = error.message;
    }
  }

  drawTerms() {
    const { total, terms } = this.listed ?? { total: 0, terms: [] },
      counts = new Map(terms);
    const chosen = [...this.terms.keys()].filter((term) => !counts.has(term)).map((term) => [term, null]);
    const focused = this.termList.contains(document.activeElement) ? document.activeElement.dataset.term : null;
    this.termList.replaceChildren(
      ...[...chosen, ...terms].map(([term, count]) => {
        const way = this.terms.get(term),
          words = t({ tag: "with it", without: "without it" }[way] ?? "any");
        return make(
          "li",
          {},
          make(
            "button",
            {
              type: "button",
              "data-term": term,
              "data-way": way ?? "",
              "aria-pressed": String(Boolean(way)),
              "aria-label": `${term}${count == null ? "" : `, ${counted(count)}`}, ${t("shown: {way}", { way: words })}`,
              onclick: () => this.turn(term),
            },
            make("b", {}, { tag: "+", without: "−" }[way] ?? ""),
            make("span", { class: "term" }, term),
            make("span", { class: "count" }, count ?? ""),
          ),
        );
      }),
      ...(total > terms.length
        ? [
            make(
              "li",
              { class: "athanor-empty" },
              t("{count} more: type to find them", { count: total - terms.length }),
            ),
          ]
        : []),
      ...(total
        ? []
        : [make("li", { class: "athanor-empty" }, t(this.termText.value ? "None fits." : "No captions."))]),
    );
    if (focused != null) [...this.termList.querySelectorAll("button")].find((b) => b.dataset.term === focused)?.focus();
  }

  /** Any, with it, without it. */
  turn(term) {
    const next = { undefined: "tag", tag: "without" }[this.terms.get(term)];
    if (next) this.terms.set(term, next);
    else this.terms.delete(term);
    this.drawTerms();
    this.filter();
  }

  async look() {
    this.examine.disabled = true;
    try {
      for (;;) {
        const told = await this.ask("/findings", { method: "POST" });
        if (!this.open) return;
        if (told.error) throw new Error(told.error);
        if (told.findings) {
          this.setFindings(told.findings);
          break;
        }
        this.examine.textContent = t("Looking: {done} of {total}", told);
        await new Promise((later) => setTimeout(later, 500));
      }
      await this.filter(); // pictures know their findings now
    } catch (error) {
      this.examine.disabled = false;
      this.examine.textContent = t("Look for problems");
      this.status.textContent = error.message;
    }
  }

  setFindings(found) {
    this.findings = found;
    this.examine.hidden = Boolean(found);
    this.finding.hidden = !found?.some((f) => f.pictures);
    this.finding.replaceChildren(
      make("option", { value: "" }, t("all findings")),
      ...(found ?? []).flatMap((f, i) =>
        f.pictures ? [make("option", { value: i }, `${t(f.level)}: ${f.kind} (${f.pictures})`)] : [],
      ),
    );
    const warnings = found
      ? []
      : this.told.warnings.map((text) => ({ level: "warning", kind: "loading", text, pictures: 0 }));
    const rows = [...(found ?? []), ...warnings].map((f, i) =>
      make(
        "li",
        { "data-level": f.level },
        make("b", {}, `${SIGNS[f.level]} ${t(f.level)}: `),
        f.text,
        f.pictures && found
          ? make(
              "button",
              {
                type: "button",
                "aria-label": t("Show {pictures}: {kind}", { pictures: counted(f.pictures), kind: f.kind }),
                onclick: () => {
                  this.finding.value = String(i);
                  this.filter();
                },
              },
              t("Show {count}", { count: f.pictures }),
            )
          : null,
      ),
    );
    if (found && !rows.length) rows.push(make("li", {}, t("✓ The doctor has found nothing.")));
    this.findingList.replaceChildren(...rows);
  }

  describe(picture) {
    const [place, ...more] = picture.places,
      found = picture.findings.map((n) => this.findings?.[n]).filter(Boolean);
    const line = place
      ? `${place.bucket.join("x")}${more.length ? ` +${more.length}` : ""}`
      : this.told.buckets.length
        ? t("no bucket")
        : picture.size.join("x");
    return {
      words: picture.caption || t("(no caption)"),
      line: `${line}${picture.repeats === 1 ? "" : ` · ${picture.repeats}×`}${picture.is_reg ? t(" · reg") : ""}`,
      marks: found.length
        ? {
            sign: `${SIGNS[found[0].level]} ${found.length}`,
            level: found[0].level,
            title: found.map((f) => f.kind).join(", "),
          }
        : null,
    };
  }

  showOne(picture) {
    if (!picture) {
      this.one.replaceChildren(
        make(
          "p",
          { class: "athanor-empty" },
          this.told && !this.pictures.total ? t("No picture fits the filters.") : "",
        ),
      );
      return;
    }
    const side = 300,
      frame = framed(picture, side, this.crop.checked);
    const image = frame.querySelector("img");
    image.src = this.url(picture, 256);
    clearTimeout(this.larger); // whoever runs through the pictures does not need them large
    this.larger = setTimeout(() => {
      image.src = this.url(picture, 1280);
    }, 200);
    const [width, height] = picture.size;
    const places = picture.places.map(({ bucket, resized, crop }) => {
      const cut = resized[0] * resized[1] - bucket[0] * bucket[1],
        lost = Math.round((100 * cut) / (resized[0] * resized[1]));
      const scale = resized[0] / width;
      return (
        t("bucket {bucket}: scaled to {resized} ({percent} %), ", {
          bucket: bucket.join("x"),
          resized: resized.join("x"),
          percent: (100 * scale).toFixed(0),
        }) + (lost ? t("{lost} % cut off, from {crop}", { lost, crop: crop.join(", ") }) : t("nothing cut off"))
      );
    });
    const findings = picture.findings.map((n) => this.findings?.[n]).filter(Boolean);
    this.one.replaceChildren(
      ...[
        make("div", { class: "box", style: `height:${side}px` }, frame),
        make("h3", {}, picture.name),
        make(
          "p",
          {},
          `${width}x${height} · ${t("{count}× per epoch", { count: picture.repeats })}${picture.is_reg ? t(" · regularization") : ""}${picture.masked ? t(" · masked") : ""}`,
        ),
        ...places.map((words) => make("p", {}, words)),
        make("p", { class: "caption" }, picture.caption || t("(no caption)")),
        findings.length
          ? make(
              "ul",
              { class: "findings" },
              findings.map((f) =>
                make("li", { "data-level": f.level }, make("b", {}, `${SIGNS[f.level]} ${f.kind}: `), f.text),
              ),
            )
          : null,
      ].filter(Boolean),
    );
    if (!this.stage.hidden) this.drawStage(picture);
  }

  drawStage(picture) {
    const { clientWidth: w, clientHeight: h } = this.stage,
      [width, height] = picture.size,
      scale = Math.min((w - 20) / width, (h - 50) / height);
    const frame = framed(picture, Math.max(width, height) * scale, this.crop.checked);
    frame.querySelector("img").src = this.url(picture, 1280);
    frame.querySelector("img").alt = picture.caption;
    this.stage.replaceChildren(frame, make("p", {}, `${picture.name}: ${picture.caption || t("(no caption)")}`));
  }

  zoom(on) {
    const picture = this.pictures.picture(this.pictures.at);
    this.stage.hidden = !on || !picture;
    if (!this.stage.hidden) this.drawStage(picture);
    this.pictures.element.focus();
  }

  key(event) {
    event.stopPropagation(); // the host has keys of its own
    if (event.key !== "Escape") return;
    event.preventDefault();
    if (!this.stage.hidden) this.zoom(false);
    else this.dialog.close();
  }
}
