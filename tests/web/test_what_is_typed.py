"""What a user types or has chosen while an answer of the server is on its way: it stays, and an older answer is not shown."""

from __future__ import annotations

BEGIN = """() => {
    window.asked = [];
    window.at = (name) => import(`/extensions/athanor/athanor/${name}.js`);
    window.waited = () => new Promise((done) => setTimeout(done));
}"""
BULK = """async () => {
    const { CaptionBulk } = await at("caption_bulk"), answers = [];
    const bulk = new CaptionBulk({ query: () => "", ask: () => new Promise((done) => answers.push(done)) });
    document.body.append(bulk.panel);
    bulk.toggle();
    bulk.tag.value = "my";
    bulk.preview();
    bulk.tag.value = "mychar"; // the next letters come before the answer
    bulk.tag.dispatchEvent(new Event("input"));
    answers[0]({ files: 3, pictures: 3, first: [], stamp: "of my" });
    await waited();
    const late = [document.activeElement === bulk.tag, bulk.write.hidden, bulk.stamp];
    bulk.preview();
    answers[1]({ files: 3, pictures: 3, first: [], stamp: "of mychar" });
    await waited();
    return [late, [document.activeElement === bulk.write, bulk.write.hidden, bulk.stamp]];
}"""
TERMS = """async () => {
    const { Terms } = await at("dataset_terms"), answers = [];
    const terms = new Terms({ ask: () => new Promise((done) => answers.push(done)), counted: String });
    terms.read();
    terms.read();
    answers[1]({ terms: [["new", 1]], total: 1, all: 2 });
    answers[0]({ terms: [["old", 1], ["new", 1]], total: 2, all: 2 });
    await waited();
    return [...terms.list.querySelectorAll(".term")].map((one) => one.innerText);
}"""
PUBLISH = """async () => {
    const { open } = await at("publish"), offers = [], previews = [], later = (to) => new Promise((done) => to.push(done));
    open({ id: "r", publishOffer: () => later(offers), publishPreview: () => later(previews) });
    const files = ["a", "b", "c"].map((file) => ({ file, epoch: 1, step: 1 }));
    const offer = (file) => ({ files, file, name: file, choices: ["recipe"], texts: { title: file }, pictures: [] });
    offers[0](offer("a"));
    await waited();
    const select = document.querySelector(".athanor-publish select"), write = document.querySelector(".athanor-publish .write");
    for (const file of ["b", "c"]) {
        select.value = file;
        select.dispatchEvent(new Event("change"));
    }
    previews[0]({ tells: [], readme: "", names: ["a"], folder: "x" }); // of the first file: what is chosen now is not read yet
    await waited();
    const early = write.disabled;
    offers[2](offer("c"));
    offers[1](offer("b"));
    await waited();
    const found = [early, select.value, document.querySelector(".athanor-publish [name=title]").value];
    document.querySelector(".athanor-publish").close();
    return found;
}"""
MARKS = """async () => {
    const { Marks } = await at("run_marks"), said = [];
    const marks = new Marks({ say: (text) => said.push(text), changed() {}, tags: () => [], edited: () => said.push("edited") });
    document.body.append(marks.element);
    const one = { id: "one", summary: { note: "" }, notify: () => marks.show(one) };
    const typed = (text) => {
        marks.note.focus();
        marks.note.value = text;
        marks.note.dispatchEvent(new Event("input"));
        marks.note.dispatchEvent(new Event("change"));
        marks.note.blur();
    };
    marks.show(one);
    typed("soft light");
    marks.show(one); // a step of the run comes before the answer
    const waiting = marks.note.value;
    asked[0].answer({ error: "The disk is full." }, 500);
    for (let i = 0; i < 500 && said.length < 2; i++) await waited();
    marks.show(one);
    const refused = marks.note.value;
    marks.show({ id: "other", summary: { note: "of another" } });
    const other = marks.note.value;
    marks.show(one);
    typed("soft light!");
    asked[1].answer({ label: "", tags: [], note: "soft light!", rating: 0 });
    for (let i = 0; i < 500 && !one.summary.note; i++) await waited();
    one.summary = { note: "changed in another page" };
    marks.show(one);
    return [said, waiting, refused, other, asked[1].body, marks.note.value];
}"""
FILES = """async () => {
    const { Files } = await at("files"), files = new Files({});
    const rows = () => ["a", "b"].map((name) => ({ file: `${name}.safetensors`, epoch: 1, step: 1, loss: 1, norm: 1, bytes: 1 }));
    document.body.append(files.element);
    const run = { live: true };
    files.show(run, rows());
    files.element.querySelector("[aria-label='Copy b.safetensors to the loras folder']").click();
    document.activeElement.value = "my b";
    files.show(run, [...rows(), ...rows().slice(1).map((row) => ({ ...row, file: "c.safetensors" }))]);
    const field = document.activeElement, place = field.closest("tbody")?.title;
    files.show({ live: false }, rows());
    return [field.value, place, files.element.querySelectorAll("form").length];
}"""

LORA = """async () => {
    const { open } = await at("keep"), before = asked.length;
    const offers = () => asked.slice(before).filter(({ path }) => path.startsWith("/athanor/o"));
    const until = async (isSo) => { for (let i = 0; i < 1000 && !isSo(); i++) await new Promise((done) => setTimeout(done, 10)); };
    const offer = (name) => ({ name, files: [], text: [], trouble: "", ranks: [0, 16], rank: 16, own_rank: 16, exact_rank: 64,
        precision: "fp16", precisions: ["fp16", "float"] });
    open({ offer: "/o", make: "/m", body: { cell: "c" }, made() {} });
    const dialog = document.querySelector(".athanor-keep"), name = dialog.querySelector("input");
    const save = dialog.querySelector(".act"), rank = dialog.querySelectorAll("select")[1];
    name.value = "mine"; // before the files are read
    name.dispatchEvent(new Event("input"));
    offers()[0].answer(offer("mean"));
    await until(() => offers().length > 1);
    const early = [name.value, save.disabled, offers()[1].path];
    offers()[1].answer(offer("mine"));
    await until(() => !save.disabled);
    rank.value = "0";
    rank.dispatchEvent(new Event("change"));
    const found = [early, name.value, offers()[2].path];
    dialog.close();
    return found;
}"""


def test_what_is_typed_stays_and_older_answers_are_not_shown(bare):
    bare.evaluate(BEGIN)
    assert bare.evaluate(BULK) == [[True, True, ""], [True, False, "of mychar"]]
    assert bare.evaluate(TERMS) == ["new"]
    assert bare.evaluate(PUBLISH) == [True, "c", "c"]
    said, waiting, refused, other, sent, at_last = bare.evaluate(MARKS)
    assert said == ["edited", "The disk is full.", "edited"]
    assert waiting == refused == "soft light" and other == "of another"
    assert sent == {"note": "soft light!"} and at_last == "changed in another page"
    offer = "/athanor/o?name=mine"  # what was not touched is the server's to choose
    assert bare.evaluate(LORA) == [["mine", True, offer], "mine", f"{offer}&rank=0"]
    assert bare.evaluate(FILES) == ["my b", "b.safetensors", 0]
