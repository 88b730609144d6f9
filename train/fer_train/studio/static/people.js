// Step 4: who is who: people to show, who is in sight, and how fer-edge knows them.
import { api, personNamed } from "./api.js";
import * as camera from "./camera.js";
import { Cards } from "./cards.js";
import { $ } from "./dom.js";
import { Live } from "./live.js";
import * as recorder from "./record.js";
import { WORDS } from "./words.js";

const WHO_MS = 500;
let wanted = false; // whether this step is the one that is shown
let known = 0; // how many pictures there are of all people
const cards = new Cards($("people-cards"), personNamed, WORDS.forPeople, advise);
const live = new Live(WHO_MS, {
  wanted: () => wanted && known > 0,
  ask: (picture) => {
    if (recorder.isRecording()) return null;
    if (!$("who").textContent) $("who").textContent = WORDS.lookingAtPictures; // it takes a while at first
    return api.who(picture);
  },
  show: showNames,
  fail: (error) => { $("who").textContent = error.message; },
  end: () => { $("who").textContent = known && !camera.isOn() ? WORDS.startToName : ""; },
});

// What more of a person is worth is asked when the pictures are others than before.
async function advise(line, { name, count }) {
  if (line.dataset.count === String(count) || !wanted) return;
  line.dataset.count = String(count);
  try {
    line.textContent = WORDS.personAdvice(await api.person(name));
  } catch (error) {
    line.textContent = error.message;
  }
}

function showNames(seen) {
  if (!seen || recorder.isRecording()) return; // its boxes are those of the shots
  const { faces } = seen;
  const names = faces.map((face) => face.name || WORDS.nobodyKnown);
  camera.drawBoxes(faces.map((face) => face.box), "good", names);
  const words = names.length ? WORDS.inSight(names) : WORDS.nobody;
  if ($("who").textContent !== words) $("who").textContent = words;
}

let state = null;

export function showPeople(now = state) {
  state = now;
  if (!state) return;
  $("no-identity").hidden = state.identity;
  $("people-parts").hidden = !state.identity;
  known = state.people.reduce((sum, each) => sum + each.count, 0);
  cards.show(state.people);
  $("use-people").hidden = !known;
  $("people-command").textContent = WORDS.peopleCommand(state.stored.people, state.detector);
  $("people-stored").textContent = WORDS.peopleStored(state.stored.people);
  live.go();
}

export function setWanted(now) {
  wanted = now;
  if (!now) camera.drawBoxes([]);
  showPeople();
}

export function wire() {
  cards.addBy($("add-person"), $("new-person"));
  $("people-zip").href = api.peopleAddress();
  live.end();
}
