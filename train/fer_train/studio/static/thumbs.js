// The pictures of one class or person, as they are stored: to look at, choose, move and delete.
import { api, fileOf, isAbsent } from "./api.js";
import { focusOn, make, makeButton, offer, speak, told } from "./dom.js";
import { mayDelete } from "./uses.js";
import { WORDS } from "./words.js";

const PAGE = 48;

export class Thumbs {
  constructor(parent, of, others) {
    this.of = of;
    this.files = []; // the pictures, newest first
    this.chosen = new Set();
    this.shown = PAGE;
    this.tiles = new Map();
    this.grid = make("ul", parent, "", "thumbs");
    this.grid.addEventListener("keydown", (event) => this.step(event));
    this.more = makeButton(parent, "", () => this.showMore(), "second small");
    this.actions = make("div", parent, "", "row actions");
    this.words = make("span", this.actions, "", "grow");
    this.target = make("select", this.actions);
    this.target.setAttribute("aria-label", WORDS.moveTo);
    this.moveButton = makeButton(this.actions, WORDS.move, told(() => this.move()), "second small");
    makeButton(this.actions, WORDS.delete, told(() => this.remove()), "second small danger");
    makeButton(this.actions, WORDS.chooseNone, () => this.chooseNone(), "second small");
    this.parent = parent;
    this.others = others;
    this.draw();
  }

  // Load the files anew if they may be others than those of the last state.
  loadIfChanged(mark) {
    if (mark === this.mark) return;
    this.mark = mark;
    const load = this.load().catch(() => { this.mark = ""; });
    this.loading = Promise.all([this.loading, load]);
  }

  async load() {
    this.files = (await api.pictures(this.of)).reverse();
    this.chosen = new Set(this.files.filter((file) => this.chosen.has(file)));
    this.draw();
  }

  add(file) {
    if (this.files.includes(file)) return;
    this.files.unshift(file);
    this.draw();
  }

  draw() {
    const visible = this.files.slice(0, this.shown), there = new Set(visible);
    for (const [file, tile] of this.tiles) {
      if (!there.has(file)) {
        tile.remove();
        this.tiles.delete(file);
      }
    }
    for (const [index, file] of visible.entries()) {
      const tile = this.tiles.get(file) || this.makeTile(file);
      if (this.grid.children[index] !== tile) this.grid.insertBefore(tile, this.grid.children[index] || null);
      tile.firstChild.setAttribute("aria-pressed", String(this.chosen.has(file)));
    }
    this.makeTabStop();
    this.more.hidden = this.files.length <= this.shown;
    this.more.textContent = WORDS.showMore(this.files.length - this.shown);
    this.drawActions();
  }

  // One stop of the tab key for all pictures; the arrow keys go from one to the next.
  makeTabStop(wanted = null) {
    const buttons = [...this.grid.querySelectorAll("button")];
    const stop = wanted || buttons.find((each) => each.tabIndex === 0) || buttons[0];
    for (const button of buttons) button.tabIndex = button === stop ? 0 : -1;
  }

  step(event) {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    const buttons = [...this.grid.querySelectorAll("button")];
    const next = buttons[buttons.indexOf(document.activeElement) + step];
    if (!step || !next) return;
    event.preventDefault();
    this.makeTabStop(next);
    next.focus();
  }

  drawActions() {
    const others = this.others(this.of.name);
    this.actions.hidden = this.chosen.size === 0;
    this.words.textContent = WORDS.chosen(this.chosen.size);
    offer(this.target, others);
    this.target.hidden = this.moveButton.hidden = others.length === 0;
  }

  makeTile(file) {
    const tile = make("li", null), button = makeButton(tile, "", () => this.choose(file));
    button.tabIndex = -1;
    const picture = make("img", button);
    picture.loading = "lazy";
    picture.src = api.pictureAddress(this.of, file);
    picture.alt = WORDS.picture(this.of.name, fileOf(file));
    this.tiles.set(file, tile);
    return tile;
  }

  choose(file) {
    if (!this.chosen.delete(file)) this.chosen.add(file);
    this.tiles.get(file).firstChild.setAttribute("aria-pressed", String(this.chosen.has(file)));
    this.drawActions();
  }

  showMore() {
    const first = this.shown;
    this.shown += PAGE;
    this.draw();
    this.focusOnTile(first);
  }

  chooseNone() {
    const place = this.chosenPlace();
    this.chosen.clear();
    this.draw();
    this.focusOnTile(place);
  }

  chosenPlace() {
    return this.files.findIndex((file) => this.chosen.has(file));
  }

  // The picture at a place, or the last one, or the card where there is none.
  focusOnTile(place) {
    const tile = this.grid.children[place] || this.grid.lastElementChild;
    if (tile) this.makeTabStop(tile.firstChild);
    focusOn(tile && tile.firstChild, this.parent);
  }

  // Do it to each chosen picture, then say what was done to how many.
  async each(act, words) {
    const place = this.chosenPlace();
    let count = 0;
    try {
      for (const file of [...this.chosen]) {
        try {
          await act(file);
          count += 1;
        } catch (error) {
          if (!isAbsent(error)) throw error;
          await this.load();
          if (this.chosen.has(file)) throw error; // it is the class to move to that is gone
        }
        this.chosen.delete(file);
        this.files = this.files.filter((each) => each !== file);
      }
      speak(words(count));
    } finally {
      this.draw();
      this.focusOnTile(place);
    }
  }

  move() {
    const to = this.target.value;
    return this.each((file) => api.movePicture(this.of, file, to), (count) => WORDS.moved(count, to));
  }

  async remove() {
    if (!(await mayDelete(this.of, [...this.chosen]))) return undefined;
    return this.each((file) => api.deletePicture(this.of, file), WORDS.removedPictures);
  }
}
