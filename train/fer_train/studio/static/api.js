// What the server can be asked. A mistake that it explains becomes an Error with words for it and its
// HTTP status.
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
  if (answer.status === 413) value = { error: WORDS.tooLarge };
  if (!answer.ok) throw Object.assign(new Error(WORDS.error(value) || WORDS.refused(answer.status)), { status: answer.status });
  return value;
}

const get = (name, query) => answerOf(name, query, {});
const post = (name, query, body) => answerOf(name, query, { method: "POST", body });

// What pictures are kept for: a class, or a person.
export const classNamed = (name) => ({ name, people: undefined });
export const personNamed = (name) => ({ name, people: 1 });
const query = ({ name, people }) => ({ class: name, people });

// Whether what was asked for is gone: deleted or moved on another page, or in the folder.
export const isAbsent = (error) => error.status === 404;

export const api = {
  add: ({ name, people }) => post("classes/add", { name, people }),
  rename: ({ name, people }, to) => post("classes/rename", { name, people, to }),
  remove: ({ name, people }) => post("classes/delete", { name, people }),
  pictures: (of) => get("pictures", query(of)),
  uses: (of) => get("uses", query(of)),
  pictureAddress: (of, file) => path("picture", { ...query(of), file }),
  movePicture: (of, file, to) => post("pictures/move", { ...query(of), file, to }),
  deletePicture: (of, file) => post("pictures/delete", { ...query(of), file }),
  // A shot is a picture, or null for the newest one of the computer's camera.
  shot: (of, recording, picture) =>
    post("shots", { ...query(of), recording, camera: picture ? undefined : 1 }, picture),
  photo: (of, recording, file) => post("shots", { ...query(of), recording, photo: 1 }, file),
  person: (name) => get("person", { name }),
  who: (picture) => post("who", { camera: picture ? undefined : 1 }, picture),
  peopleAddress: () => path("people"),
  train: (init, name) => post("train", { init, name }),
  trainAgain: (again) => post("train", { again }),
  stop: () => post("stop"),
  run: (name) => get("run", { name }),
  deleteRun: (name) => post("runs/delete", { name }),
  look: (model, picture) => post("look", { model, camera: picture ? undefined : 1 }, picture),
  bundleAddress: (name) => path("bundle", { name }),
  // Where to send a model: address, token, and fingerprint of the certificate that was confirmed.
  deploy: (name, where) => post("deploy", { name }, JSON.stringify(where)),
  deployed: (where) => post("deployed", {}, JSON.stringify(where)),
  address: () => get("address"),
  qrAddress: () => path("qr"),
  cameraAddress: () => path("camera", { again: Date.now() }),
};

// Call `tell` with every state, and `lost` while there is no connection. A hidden page asks for
// none: browsers allow six connections to a host, and each stream takes one.
export function follow(tell, lost) {
  let source = null, later = 0;
  const open = () => {
    source = new EventSource(path("events"));
    source.onmessage = (message) => tell(JSON.parse(message.data));
    source.onerror = () => {
      lost();
      if (source.readyState === EventSource.CLOSED) later = setTimeout(openAgain, 2000);
    };
  };
  const openAgain = async () => {
    const answer = await fetch(path("state")).catch(() => null);
    if (answer && answer.status === 401) location.reload();
    else turn();
  };
  const turn = () => {
    clearTimeout(later);
    if (source) source.close();
    if (!document.hidden) open();
  };
  document.addEventListener("visibilitychange", turn);
  turn();
}
