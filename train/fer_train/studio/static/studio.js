// The page of the studio: its steps, and the state that the server tells.
import { follow } from "./api.js";
import * as camera from "./camera.js";
import { $, fillWords, make } from "./dom.js";
import * as show from "./show.js";
import * as train from "./train.js";
import * as use from "./use.js";
import { WORDS } from "./words.js";

const STEPS = ["show", "train", "use"];
const isHere = ["localhost", "127.0.0.1", "[::1]"].includes(location.hostname);

function turnTo() {
  const step = STEPS.includes(location.hash.slice(1)) ? location.hash.slice(1) : "show";
  for (const each of STEPS) $(each).hidden = each !== step;
  for (const link of document.querySelectorAll("#steps a")) {
    if (link.hash === `#${step}`) link.setAttribute("aria-current", "step");
    else link.removeAttribute("aria-current");
  }
  $("camera").hidden = step === "train";
  document.querySelector("main").className = { show: "recording", train: "alone", use: "" }[step];
  $("hint").textContent = "";
  use.setWanted(step === "use");
  scrollTo(0, 0);
}

function tell(state) {
  status("well", WORDS.connected(state.folder));
  $("stored").textContent = WORDS.stored(state.stored);
  camera.setComputerCamera(state.camera);
  show.showClasses(state);
  train.showTraining(state);
  use.showModels(state);
  showAddresses(state.https);
}

function showAddresses(https) {
  $("https").hidden = !https;
  if (!https || $("fingerprint").textContent === https.fingerprint) return;
  $("fingerprint").textContent = https.fingerprint;
  $("qr").src = "api/qr";
  $("addresses").replaceChildren();
  for (const address of https.addresses) make("a", make("li", $("addresses")), address).href = address;
}

function status(kind, words) {
  $("status").className = kind;
  $("words").textContent = words;
}

fillWords();
document.title = WORDS.title;
$("stays").textContent = isHere ? WORDS.staysHere : WORDS.staysThere(location.host);
for (const part of [camera, show, train, use]) part.wire();
addEventListener("hashchange", turnTo);
turnTo();
follow(tell, () => status("ill", WORDS.noConnection));
