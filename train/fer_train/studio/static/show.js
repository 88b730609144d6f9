// Step 1: a card for each class, with its pictures and what records more of them.
import { api } from "./api.js";
import { $, ask, make, makeButton, told } from "./dom.js";
import * as recorder from "./record.js";
import { Thumbs } from "./thumbs.js";
import { WORDS } from "./words.js";

const cards = new Map(); // by the name of the class
let names = [];

const others = (name) => names.filter((each) => each !== name);

export function showClasses(state) {
  names = state.classes.map((each) => each.name);
  for (const [name, card] of cards) {
    if (!names.includes(name)) {
      card.box.remove();
      cards.delete(name);
    }
  }
  for (const [index, each] of state.classes.entries()) {
    if (!cards.has(each.name)) cards.set(each.name, new Card(each.name));
    const card = cards.get(each.name);
    if ($("classes").children[index] !== card.box) $("classes").insertBefore(card.box, $("classes").children[index] || null);
    card.update(each);
  }
  $("enough").textContent = state.ready ? WORDS.enough : names.length ? WORDS.whyNot(state.why_not) : WORDS.firstSteps;
  $("enough").className = state.ready ? "hint good" : "quiet";
  $("to-train").hidden = !state.ready;
}

class Card {
  constructor(name) {
    this.name = name;
    this.box = make("section", null, "", "class");
    this.box.setAttribute("aria-label", WORDS.classCard(name));
    this.makeHead();
    this.makeButtons();
    this.thumbs = new Thumbs(this.box, name, others);
    this.thumbs.load().catch(() => {}); // the next state asks again
    this.takeDrops();
  }

  makeHead() {
    const head = make("div", this.box, "", "row");
    this.title = make("input", head, "", "title grow");
    this.title.value = this.name;
    this.title.maxLength = 40;
    this.title.setAttribute("aria-label", WORDS.className);
    this.title.addEventListener("change", told(() => this.rename()));
    this.title.addEventListener("keydown", (event) => {
      if (event.key === "Enter") this.title.blur();
      if (event.key === "Escape") this.title.value = this.name;
    });
    this.count = make("span", head, "", "count");
    makeButton(head, "✕", told(() => this.remove()), "second small").setAttribute("aria-label", WORDS.deleteClass(this.name));
    this.advice = make("p", this.box, "", "quiet");
  }

  makeButtons() {
    const row = make("div", this.box, "", "row buttons");
    this.hold = makeButton(row, WORDS.hold, null, "hold grow");
    this.soon = makeButton(row, WORDS.soon, told(() => this.recordSoon()), "second");
    this.soon.title = WORDS.soonHow;
    const label = make("label", row, WORDS.addFiles, "button second");
    const files = make("input", label, "", "unseen");
    Object.assign(files, { type: "file", multiple: true, accept: "image/*" });
    files.addEventListener("change", told(async () => {
      await recorder.sendFiles(this.name, [...files.files], (file) => this.thumbs.add(file));
      files.value = "";
    }));
    this.listenToHold();
  }

  listenToHold() {
    const begin = told(() => this.record()), hold = this.hold;
    const end = () => { if (this.held) recorder.stop(); };
    hold.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      hold.setPointerCapture(event.pointerId);
      begin();
    });
    for (const kind of ["pointerup", "pointercancel", "lostpointercapture", "blur"]) hold.addEventListener(kind, end);
    hold.addEventListener("contextmenu", (event) => event.preventDefault()); // a long touch
    hold.addEventListener("keydown", (event) => {
      if (event.key !== " " && event.key !== "Enter") return;
      event.preventDefault();
      if (!event.repeat) begin();
    });
    hold.addEventListener("keyup", end);
    document.addEventListener("visibilitychange", end);
  }

  async record() {
    this.held = true;
    this.hold.classList.add("on");
    await recorder.record(this.name, (file) => this.thumbs.add(file));
    this.held = false;
    this.hold.classList.remove("on");
  }

  async recordSoon() {
    this.soon.textContent = WORDS.stop;
    await recorder.recordSoon(this.name, (file) => this.thumbs.add(file), () => this.box.scrollIntoView({ block: "nearest" }));
    this.soon.textContent = WORDS.soon;
  }

  takeDrops() {
    const over = (on) => (event) => {
      if (![...event.dataTransfer.types].includes("Files")) return;
      event.preventDefault();
      this.box.classList.toggle("over", on);
    };
    this.box.addEventListener("dragover", over(true));
    this.box.addEventListener("dragleave", over(false));
    this.box.addEventListener("drop", told(async (event) => {
      over(false)(event);
      const files = await recorder.droppedFiles(event.dataTransfer);
      await recorder.sendFiles(this.name, files, (file) => this.thumbs.add(file));
    }));
  }

  async rename() {
    const to = this.title.value.trim();
    if (!to || to === this.name) {
      this.title.value = this.name;
      return;
    }
    try {
      await api.renameClass(this.name, to);
    } catch (error) {
      this.title.value = this.name;
      throw error;
    }
  }

  async remove() {
    if (this.count.dataset.count !== "0" && !(await ask(WORDS.deleteClassAsk(this.name, this.count.dataset.count), WORDS.delete))) return;
    await api.deleteClass(this.name);
  }

  update({ count, advice }) {
    this.count.textContent = WORDS.pictures(count);
    this.count.dataset.count = count;
    this.advice.textContent = WORDS.advice(advice);
    if (count !== this.thumbs.files.length && !recorder.isRecording()) this.thumbs.load().catch(() => {});
    this.thumbs.drawActions();
  }
}

export function wire() {
  $("add").addEventListener("submit", (event) => {
    event.preventDefault();
    told(async () => {
      const name = $("new-class").value.trim();
      if (!name) return;
      await api.addClass(name);
      $("new-class").value = "";
    })();
  });
}
