"use strict";
// Unknown faces that were seen lately: name one, or forget it. Made ready by page.js.
const strangers = new Map(); // what is shown of each, by face

function explainUnknown(about) {
  $("unknown").hidden = !about;
  if (!about) return;
  $("unknown-how").textContent =
    `Naming a face stores one picture of it in ${about.folder}, in a folder of that name, and knows it from now on. `
    + `Until then faces are only in memory: the last ${about.most}, for ${about.minutes} minutes. Forget drops one at once.`;
}

function newStranger({ face, track }) {
  const box = make("li", $("strangers")), picture = make("img", box), form = make("form", box);
  picture.alt = `Unknown face ${track}`;
  const label = make("label", form, "Name"), name = make("input", label);
  Object.assign(name, { maxLength: 40, required: true, autocomplete: "off" });
  const buttons = make("div", form, "", "buttons");
  make("button", buttons, "Save");
  const forget = make("button", buttons, "Forget", "second");
  forget.type = "button";
  forget.setAttribute("aria-label", `Forget face ${track}`);
  forget.addEventListener("click", () => decide("forget", { face }, () => "Forgotten."));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    decide("name", { face, name: name.value }, (answer) => (answer.stored
      ? `${answer.name} is known from now on. Stored: ${answer.stored}.`
      : `${answer.name} is known until this run ends. No picture is stored: ${answer.why_not}.`));
  });
  return { box, picture };
}

async function decide(what, query, words) {
  const asked = `unknown/${what}?${new URLSearchParams(query)}`;
  const answer = await fetch(asked, { method: "POST", signal: within(ANSWER_MS) }).catch(() => null);
  const value = answer ? await answer.json().catch(() => ({ error: `refused (${answer.status})` })) : { error: "no connection" };
  $("named").textContent = value.error || words(value);
  if (!value.error) dropStranger(query.face);
}

function dropStranger(face) {
  const shown = strangers.get(face);
  if (shown) shown.box.remove();
  strangers.delete(face);
}

function showUnknown(faces) {
  const present = new Set(faces.map(({ face }) => face));
  for (const face of [...strangers.keys()]) if (!present.has(face)) dropStranger(face);
  for (const each of faces) {
    if (!strangers.has(each.face)) strangers.set(each.face, newStranger(each));
    const shown = strangers.get(each.face), address = `unknown/picture?face=${each.face}&picture=${each.picture}`;
    if (shown.picture.getAttribute("src") !== address) shown.picture.src = address;
  }
  $("no-strangers").hidden = faces.length > 0;
}
