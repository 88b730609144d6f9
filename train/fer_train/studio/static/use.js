// Step 3: the new model beside the old one on the camera, then to the device.
import { api } from "./api.js";
import * as camera from "./camera.js";
import { $, ask, make, offer, percent, sleep, told } from "./dom.js";
import { Live } from "./live.js";
import * as trust from "./trust.js";
import { WORDS } from "./words.js";

const LOOK_MS = 150, TRIAL_MS = 2000, TRIAL_GRACE_SECONDS = 30;
// What is said at the end of a trial, by the state that the device tells.
const TRIAL_ENDS = { kept: ["good", WORDS.trialKept], "taken back": ["bad", WORDS.trialTakenBack] };
let trial = null; // the one that is followed
let picked = ""; // the model that the user chose; else the newest one is shown
let detector = ""; // what found the faces
let wanted = false; // whether this step is the one that is shown
const live = new Live(LOOK_MS, {
  wanted: () => wanted && $("model").value,
  ask: (picture) => api.look($("model").value, picture),
  show: showFaces,
  fail: (error) => { $("looking").textContent = error.message; },
  end: () => {
    if (camera.isOn()) return;
    $("compared").replaceChildren();
    $("looking").textContent = $("model").value ? WORDS.startToCompare : "";
  },
});

export function showModels(state) {
  const names = state.runs.filter((each) => each.bundle).map((each) => each.name); // the newest first
  offer($("model"), names);
  if (names.length) $("model").value = names.includes(picked) ? picked : names[0];
  $("no-model").hidden = names.length > 0;
  $("which-model").hidden = names.length === 0;
  $("deploy").hidden = names.length === 0;
  detector = state.detector;
  $("deploy-command").textContent = WORDS.deployCommand(detector);
  nameDownload();
  live.go();
}

function nameDownload() {
  const name = $("model").value;
  $("download").href = api.bundleAddress(name);
  $("download-command").textContent = WORDS.downloadCommand(name, detector);
}

export function setWanted(now) {
  wanted = now;
  if (!now) camera.drawBoxes([]);
  live.go();
}

const colours = new Map();
const colourOf = (label) => {
  if (!colours.has(label)) colours.set(label, `hsl(${(210 + 137.5 * colours.size) % 360} 60% 48%)`);
  return colours.get(label);
};

function showFaces(seen) {
  camera.drawBoxes(seen.faces.map((face) => face.box));
  $("looking").textContent = seen.faces.length ? "" : WORDS.nobody;
  const box = $("compared");
  while (box.children.length > seen.faces.length) box.lastChild.remove();
  for (const [index, face] of seen.faces.entries()) {
    if (!box.children[index]) makeFace(box);
    const [now, then] = box.children[index].children; // the new one first
    showAnswer(now, WORDS.newModel(seen.new), face.new);
    showAnswer(then, WORDS.oldModel(seen.old), face.old);
  }
}

function makeFace(box) {
  const pair = make("div", box, "", "pair");
  make("div", pair, "", "answer new");
  make("div", pair, "", "answer");
}

function showAnswer(box, title, answer) {
  const labels = Object.keys(answer.probabilities);
  if (box.dataset.labels !== `${title}\n${labels}`) {
    box.dataset.labels = `${title}\n${labels}`;
    box.replaceChildren();
    make("h3", box, title);
    make("p", box, "", "label");
    for (const label of labels) {
      const bar = make("div", box, "", "bar");
      make("span", bar, label);
      make("span", make("span", bar, "", "track"), "", "fill").style.background = colourOf(label);
      make("span", bar);
    }
  }
  box.querySelector(".label").textContent = `${answer.label} ${percent(answer.confidence)}`;
  for (const [index, bar] of [...box.querySelectorAll(".bar")].entries()) {
    const share = answer.probabilities[labels[index]];
    bar.querySelector(".fill").style.width = `${100 * share}%`;
    bar.lastChild.textContent = percent(share);
  }
}

// Send a model; before the token goes to a certificate of the device's own, somebody compares it.
async function send(name, address, token, fingerprint) {
  const answer = await api.deploy(name, { address, token, fingerprint });
  if (!answer.unconfirmed) {
    followTrial({ address, token, fingerprint }, answer);
    return answer;
  }
  if (fingerprint) {
    trust.forget(address);
    throw new Error(WORDS.certificateChanged(answer.unconfirmed));
  }
  if (!(await ask(WORDS.compareCertificate, WORDS.certificateIsSame, answer.unconfirmed))) throw new Error(WORDS.certificateRefused);
  trust.remember(address, answer.unconfirmed);
  return send(name, address, token, answer.unconfirmed);
}

// Ask the device how the trial goes until it is over. It may not answer for a while: it starts anew
// where a model makes it crash.
async function followTrial(where, { model, seconds }) {
  const mine = {}, ends = performance.now() + 1000 * (seconds + TRIAL_GRACE_SECONDS);
  trial = mine;
  while (performance.now() < ends) {
    await sleep(TRIAL_MS);
    const now = await api.deployed(where).catch(() => null);
    if (trial !== mine) return; // another model was sent
    if (now && TRIAL_ENDS[now.state]) {
      const [kind, words] = TRIAL_ENDS[now.state];
      sayDeployed(kind, words(model, now.model, now.why));
      return;
    }
  }
  sayDeployed("", WORDS.trialUnknown(where.address));
}

function sayDeployed(kind, words) {
  $("deployed").className = `hint ${kind}`;
  $("deployed").textContent = words;
}

export function wire() {
  $("model").addEventListener("change", () => {
    picked = $("model").value;
    nameDownload();
    live.go();
  });
  $("deploy-form").addEventListener("submit", (event) => {
    event.preventDefault();
    told(async () => {
      $("send").disabled = true;
      trial = null;
      sayDeployed("", WORDS.sendingModel);
      try {
        const address = $("address").value.trim().replace(/\/+$/, "");
        const answer = await send($("model").value, address, $("token").value, trust.confirmed(address));
        sayDeployed("good", WORDS.deployed(answer.model, answer.seconds));
      } catch (error) {
        sayDeployed("bad", error.message);
      } finally {
        $("send").disabled = false;
      }
    })();
  });
}
