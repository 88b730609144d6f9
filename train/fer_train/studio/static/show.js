// Step 1: the classes, and whether they are enough to train.
import { classNamed } from "./api.js";
import { Cards } from "./cards.js";
import { $ } from "./dom.js";
import { WORDS } from "./words.js";

const cards = new Cards($("classes"), classNamed, WORDS.forClasses, (line, { advice }) => {
  line.textContent = WORDS.advice(advice);
});

export function showClasses(state) {
  cards.show(state.classes);
  $("enough").textContent = state.ready ? WORDS.enough : state.classes.length ? WORDS.whyNot(state.why_not) : WORDS.firstSteps;
  $("enough").className = state.ready ? "hint good" : "quiet";
  $("to-train").hidden = !state.ready;
}

export function wire() {
  cards.addBy($("add"), $("new-class"));
}
