// Cards of classes or of people: each with its pictures, and what records more of them.
import { api } from "./api.js";
import { ask, complain, focusOn, make, makeButton, speak, told } from "./dom.js";
import * as recorder from "./record.js";
import { Thumbs } from "./thumbs.js";
import { WORDS } from "./words.js";

export class Cards {
  // Put them into `box`. `named` makes what the server calls one of a name, `words` are those of
  // WORDS for it, and `advise` writes into an element what more is worth, given a card's state.
  constructor(box, named, words, advise) {
    Object.assign(this, { box, named, words, advise });
    this.cards = new Map(); // by name
    this.names = [];
  }

  // Show these states, each with a name and a count, in this order.
  show(states) {
    this.names = states.map((each) => each.name);
    const left = [...this.box.children].findIndex((box) => box.contains(document.activeElement));
    for (const [name, card] of this.cards) {
      if (!this.names.includes(name)) {
        card.box.remove();
        this.cards.delete(name);
      }
    }
    for (const [index, each] of states.entries()) {
      if (!this.cards.has(each.name)) this.cards.set(each.name, new Card(this, each.name));
      const card = this.cards.get(each.name);
      if (this.box.children[index] !== card.box) this.box.insertBefore(card.box, this.box.children[index] || null);
      card.update(each);
    }
    if (left >= 0 && document.activeElement === document.body) this.focusNear(left);
  }

  // The card that had the focus is gone: go to that of its new name, or to the one in its place.
  focusNear(place) {
    const renamed = this.cards.get(this.newName);
    focusOn(renamed ? renamed.title : this.box.children[place] || this.box.lastElementChild, this.field);
  }

  // Let a form with one field add one.
  addBy(form, field) {
    this.field = field;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      told(async () => {
        const name = field.value.trim();
        if (!name) return;
        await api.add(this.named(name));
        field.value = "";
      })();
    });
  }
}

const holdsFiles = (event) => [...event.dataTransfer.types].includes("Files");

// A file that is dropped beside the cards: the browser would leave the page for it.
export function refuseOtherDrops() {
  for (const kind of ["dragover", "drop"]) {
    document.addEventListener(kind, (event) => {
      if (event.defaultPrevented || !holdsFiles(event)) return;
      event.preventDefault();
      if (kind === "drop") complain(WORDS.dropOnCard);
    });
  }
}

class Card {
  constructor(cards, name) {
    this.cards = cards;
    this.name = name;
    this.of = cards.named(name);
    this.words = cards.words;
    this.box = make("section", null, "", "class");
    this.box.setAttribute("aria-label", this.words.card(name));
    this.box.tabIndex = -1;
    this.makeHead();
    this.makeButtons();
    this.thumbs = new Thumbs(this.box, this.of, (own) => cards.names.filter((each) => each !== own));
    this.takeDrops();
  }

  makeHead() {
    const head = make("div", this.box, "", "row");
    this.title = make("input", make("h2", head, "", "grow"), "", "title");
    this.title.value = this.name;
    this.title.maxLength = 40;
    this.title.setAttribute("aria-label", this.words.name);
    this.title.addEventListener("change", told(() => this.rename()));
    this.title.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.title.value = this.name;
    });
    this.count = make("span", head, "", "count");
    makeButton(head, "✕", told(() => this.remove()), "second small").setAttribute("aria-label", this.words.delete(this.name));
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
      await recorder.sendFiles(this.of, [...files.files], (file) => this.thumbs.add(file));
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
    const mine = this.held = {}; // this press; the next may begin before the last shot is answered
    this.hold.classList.add("on");
    await recorder.record(this.of, (file) => this.thumbs.add(file));
    if (this.held !== mine) return;
    this.held = null;
    this.hold.classList.remove("on");
  }

  async recordSoon() {
    this.soon.textContent = WORDS.stop;
    await recorder.recordSoon(this.of, (file) => this.thumbs.add(file), () => this.box.scrollIntoView({ block: "nearest" }));
    this.soon.textContent = WORDS.soon;
  }

  takeDrops() {
    const over = (on) => (event) => {
      if (!holdsFiles(event)) return;
      event.preventDefault();
      this.box.classList.toggle("over", on);
    };
    this.box.addEventListener("dragover", over(true));
    this.box.addEventListener("dragleave", over(false));
    this.box.addEventListener("drop", told(async (event) => {
      over(false)(event);
      const dropped = await recorder.droppedFiles(event.dataTransfer);
      await recorder.sendFiles(this.of, dropped.files, (file) => this.thumbs.add(file), dropped.cut);
    }));
  }

  async rename() {
    const to = this.title.value.trim();
    if (!to || to === this.name) {
      this.title.value = this.name;
      return;
    }
    this.cards.newName = to; // the state may tell of it before the answer
    try {
      await this.leave(() => api.rename(this.of, to));
      speak(WORDS.renamed(this.name, to));
    } catch (error) {
      this.title.value = this.name;
      throw error;
    }
  }

  // Rename or delete it while nothing asks for its pictures: the server no longer knows the name then.
  async leave(act) {
    this.leaving = true;
    await this.thumbs.loading;
    try {
      await act();
    } catch (error) {
      this.leaving = false;
      throw error;
    }
  }

  async remove() {
    const { count } = this.count.dataset;
    const words = [this.words.deleteAsk(this.name, count), WORDS.usedBy(this.uses)];
    if (count !== "0" && !(await ask(words.join(" ").trim(), WORDS.delete))) return;
    await this.leave(() => api.remove(this.of, count));
    speak(WORDS.removed(this.name));
  }

  update(state) {
    const { count } = state;
    this.uses = state.uses || { training: false, runs: [] }; // nothing learns from people
    this.count.textContent = WORDS.pictures(count);
    this.count.dataset.count = count;
    this.cards.advise(this.advice, state);
    // Else the next state asks again.
    if (!recorder.isRecording() && !this.leaving) this.thumbs.loadIfChanged(state.changed);
    this.thumbs.drawActions();
  }
}
