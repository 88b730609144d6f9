// The few ways in which this page makes and finds its elements.
import { WORDS } from "./words.js";

export const $ = (id) => document.getElementById(id);

export function make(tag, parent, text = "", name = "") {
  const element = document.createElement(tag);
  element.textContent = text;
  element.className = name;
  if (parent) parent.append(element);
  return element;
}

export function makeButton(parent, text, act, name = "") {
  const button = make("button", parent, text, name);
  button.type = "button";
  if (act) button.addEventListener("click", act);
  return button;
}

export function draw(tag, parent, attributes) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  parent.append(element);
  return element;
}

// Offer these names in a <select>; what was chosen stays so if it still is there.
export function offer(select, names, shown = (name) => name) {
  const now = [...select.options].map((each) => `${each.value}\n${each.text}`).join("\n\n");
  const wanted = names.map((name) => `${name}\n${shown(name)}`).join("\n\n");
  if (now === wanted) return;
  const chosen = select.value;
  select.replaceChildren(...names.map((name) => new Option(shown(name), name)));
  if (names.includes(chosen)) select.value = chosen;
}

const PLACES = { wordsLabel: "aria-label", wordsAlt: "alt", wordsPlaceholder: "placeholder" };

// Put the words of words.js into what says data-words.
export function fillWords() {
  for (const element of document.querySelectorAll("[data-words]")) {
    element.textContent = WORDS[element.dataset.words];
  }
  for (const [key, attribute] of Object.entries(PLACES)) {
    const mark = `data-${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    for (const element of document.querySelectorAll(`[${mark}]`)) {
      element.setAttribute(attribute, WORDS[element.dataset[key]]);
    }
  }
}

export const percent = (share) => `${Math.round(100 * share)} %`;
export const sleep = (ms) => new Promise((done) => { setTimeout(done, Math.max(0, ms)); });

// Ask before something that cannot be undone, or to compare something letter by letter.
export function ask(words, yes, exact = "") {
  const dialog = $("ask");
  $("ask-words").textContent = words;
  $("ask-exact").textContent = exact;
  $("ask-yes").textContent = yes;
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((answer) => {
    dialog.addEventListener("close", () => answer(dialog.returnValue === "yes"), { once: true });
  });
}

// Give the keyboard to the first of these elements that is shown and can take it.
export function focusOn(...elements) {
  for (const element of elements.filter(Boolean)) {
    element.focus();
    if (document.activeElement === element) return;
  }
}

let focusedBefore = null; // what had the focus when something went wrong

export function complain(error) {
  if (!$("trouble").contains(document.activeElement)) focusedBefore = document.activeElement;
  $("trouble").replaceChildren();
  make("span", $("trouble"), error.message || String(error));
  makeButton($("trouble"), WORDS.close, () => { calm(); focusOn(focusedBefore, $("content")); }, "second small");
}

export function calm() {
  $("trouble").replaceChildren();
}

// Wrap what a button does, so that a failure is told on the page.
export const told = (act) => async (...given) => {
  try {
    calm();
    await act(...given);
  } catch (error) {
    complain(error);
  }
};

// Say a thing to screen readers, once.
export function speak(words) {
  if ($("spoken").textContent !== words) $("spoken").textContent = words;
}
