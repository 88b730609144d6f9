// What the server can be asked. A mistake that it explains becomes an Error with its words.
import { WORDS } from "./words.js";

const path = (name, query) => {
  const given = Object.entries(query || {}).filter(([, value]) => value !== undefined);
  return `api/${name}${given.length ? `?${new URLSearchParams(given)}` : ""}`;
};

async function answerOf(name, query, options) {
  const answer = await fetch(path(name, query), options).catch(() => null);
  if (!answer) throw new Error(WORDS.noConnection);
  if (answer.status === 401) location.reload(); // the session has ended
  const text = await answer.text();
  let value = null;
  try {
    value = JSON.parse(text);
  } catch {
    value = { error: text.trim() };
  }
  if (!answer.ok) throw new Error(value.error || WORDS.refused(answer.status));
  return value;
}

const get = (name, query) => answerOf(name, query, {});
const post = (name, query, body) => answerOf(name, query, { method: "POST", body });

export const api = {
  addClass: (name) => post("classes/add", { name }),
  renameClass: (name, to) => post("classes/rename", { name, to }),
  deleteClass: (name) => post("classes/delete", { name }),
  pictures: (name) => get("pictures", { class: name }),
  pictureAddress: (name, file) => path("picture", { class: name, file }),
  movePicture: (name, file, to) => post("pictures/move", { class: name, file, to }),
  deletePicture: (name, file) => post("pictures/delete", { class: name, file }),
  // A shot is a picture, or null for the newest one of the computer's camera.
  shot: (name, recording, picture) =>
    post("shots", { class: name, recording, camera: picture ? undefined : 1 }, picture),
  photo: (name, recording, file) => post("shots", { class: name, recording, photo: 1 }, file),
  train: (init, name) => post("train", { init, name }),
  stop: () => post("stop"),
  run: (name) => get("run", { name }),
  deleteRun: (name) => post("runs/delete", { name }),
  look: (model, picture) => post("look", { model, camera: picture ? undefined : 1 }, picture),
  bundleAddress: (name) => path("bundle", { name }),
  // Where to send a model: address, token, and fingerprint of the certificate that was confirmed.
  deploy: (name, where) => post("deploy", { name }, JSON.stringify(where)),
  address: () => get("address"),
  qrAddress: () => path("qr"),
  cameraAddress: () => path("camera", { again: Date.now() }),
};

// Call `tell` with every state, and `lost` while there is no connection.
export function follow(tell, lost) {
  const source = new EventSource(path("events"));
  source.onmessage = (message) => tell(JSON.parse(message.data));
  source.onerror = () => {
    lost();
    if (source.readyState === EventSource.CLOSED) setTimeout(followAgain, 2000, tell, lost);
  };
}

async function followAgain(tell, lost) {
  const answer = await fetch(path("state")).catch(() => null);
  if (answer && answer.status === 401) location.reload();
  else follow(tell, lost);
}
