// The page of the studio: its steps, and the state that the server tells.
import { api, follow } from "./api.js";
import * as camera from "./camera.js";
import { refuseOtherDrops } from "./cards.js";
import { $, complain, fillWords, focusOn, make } from "./dom.js";
import * as people from "./people.js";
import * as recorder from "./record.js";
import * as show from "./show.js";
import * as train from "./train.js";
import * as use from "./use.js";
import { WORDS } from "./words.js";

const STEPS = ["show", "train", "use", "people"];
const LAYOUTS = { show: "recording", train: "alone", use: "", people: "recording" };
const isHere = ["localhost", "127.0.0.1", "[::1]"].includes(location.hostname);

let shown = ""; // the step that stands on the page
let isLost = false; // whether the studio does not answer

function turnTo() {
  const asked = location.hash.slice(1), step = STEPS.includes(asked) ? asked : shown || "show";
  if (step === shown) return;
  shown = step;
  recorder.stop(); // nobody records what they do not see
  for (const each of STEPS) $(each).hidden = each !== step;
  for (const link of document.querySelectorAll("#steps a")) {
    if (link.hash === `#${step}`) link.setAttribute("aria-current", "step");
    else link.removeAttribute("aria-current");
  }
  $("camera").hidden = step === "train";
  document.querySelector("main").className = LAYOUTS[step];
  $("hint").textContent = "";
  use.setWanted(step === "use");
  people.setWanted(step === "people");
  scrollTo(0, 0);
}

function tell(state) {
  status("well", WORDS.connected);
  if (isLost) camera.renew();
  isLost = false;
  if (state.error) {
    complain(new Error(WORDS.error(state)));
    return;
  }
  $("stored").textContent = WORDS.stored(state.stored);
  camera.setComputerCamera(state.camera);
  show.showClasses(state);
  train.showTraining(state);
  use.showModels(state);
  people.showPeople(state);
}

// Where telephones find this page, if it is served to them.
async function showAddresses() {
  const { addresses, fingerprint } = await api.address();
  if (!addresses.length) return;
  $("https").hidden = false;
  $("fingerprint").textContent = fingerprint;
  $("qr").src = api.qrAddress();
  for (const address of addresses) make("a", make("li", $("addresses")), address).href = address;
}

function status(kind, words) {
  $("status").className = kind;
  $("words").textContent = words;
}

fillWords();
document.title = WORDS.title;
$("stays").textContent = isHere ? WORDS.staysHere : WORDS.staysThere(location.host);
for (const part of [camera, show, train, use, people]) part.wire();
refuseOtherDrops();
addEventListener("hashchange", turnTo);
$("skip").addEventListener("click", (event) => {
  event.preventDefault(); // the address keeps its step
  focusOn($("content"));
});
turnTo();
showAddresses().catch(complain);
follow(tell, () => {
  isLost = true;
  status("ill", WORDS.noConnection);
});
