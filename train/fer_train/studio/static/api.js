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
// Tells this page's camera from those of other pages, whose faces are elsewhere.
const page = Math.random().toString(36).slice(2);
// A picture of this page's camera, or null for the newest one of the computer's camera.
const camera = (picture) => (picture ? { page } : { camera: 1 });

// A picture is its file name and its version in one text: another one of the same name is another text.
export const pictureOf = ({ file, version }) => `${file}/${version}`;
const parts = (picture) => {
  const [file, version] = picture.split("/");
  return { file, version };
};
export const fileOf = (picture) => parts(picture).file;

// Whether what was asked for is gone: deleted or moved on another page, or in the folder.
export const isAbsent = (error) => error.status === 404;

export const api = {
  add: ({ name, people }) => post("classes/add", { name, people }),
  rename: ({ name, people }, to) => post("classes/rename", { name, people, to }),
  // `count` is how many pictures the user saw: the server refuses if there are not as many.
  remove: ({ name, people }, count) => post("classes/delete", { name, people, count }),
  pictures: async (of) => (await get("pictures", query(of))).map(pictureOf),
  uses: (of) => get("uses", query(of)),
  pictureAddress: (of, picture) => path("picture", { ...query(of), ...parts(picture) }),
  movePicture: (of, picture, to) => post("pictures/move", { ...query(of), ...parts(picture), to }),
  deletePicture: (of, picture) => post("pictures/delete", { ...query(of), ...parts(picture) }),
  shot: (of, recording, picture) => post("shots", { ...query(of), recording, ...camera(picture) }, picture),
  photo: (of, recording, file) => post("shots", { ...query(of), recording, photo: 1 }, file),
  person: (name) => get("person", { name }),
  who: (picture) => post("who", camera(picture), picture),
  peopleAddress: () => path("people"),
  train: (init, name) => post("train", { init, name }),
  trainAgain: (again) => post("train", { again }),
  stop: (name) => post("stop", { name }),
  run: (name) => get("run", { name }),
  deleteRun: (name) => post("runs/delete", { name }),
  look: (model, picture) => post("look", { model, ...camera(picture) }, picture),
  bundleAddress: (name) => path("bundle", { name }),
  // Where to send a model: address, token, and fingerprint of the certificate that was confirmed.
  deploy: (name, where) => post("deploy", { name }, JSON.stringify(where)),
  deployed: (where) => post("deployed", {}, JSON.stringify(where)),
  address: () => get("address"),
  qrAddress: () => path("qr"),
  cameraAddress: () => path("camera", { again: Date.now() }),
};

const SILENT_MS = 10000, RETRY_MS = 2000;

function within(milliseconds) { // AbortSignal.timeout, which older browsers lack
  const limit = new AbortController();
  setTimeout(() => limit.abort(), milliseconds);
  return limit.signal;
}

// Call `tell` with every state, and `lost` while there is no connection. The server sends something
// every second; a computer that loses its network or sleeps ends no connection: it is silent. A
// hidden page asks for nothing: browsers allow six connections to a host, and each stream takes one.
// Where the server has no stream left for this page, it asks for the state again and again.
export function follow(tell, lost) {
  let source = null, later = 0, watch = 0, heard = 0, answers = false;
  const came = () => { heard = performance.now(); };
  const close = () => {
    clearInterval(watch);
    clearTimeout(later);
    if (source) source.close();
  };
  const end = () => {
    close();
    if (!answers) lost();
    later = setTimeout(openAgain, RETRY_MS);
  };
  const open = () => {
    came();
    watch = setInterval(() => { if (performance.now() - heard > SILENT_MS) end(); }, 1000);
    source = new EventSource(path("events"));
    source.onopen = () => {
      came();
      answers = false; // what ends this stream is a lost connection
    };
    source.addEventListener("alive", came);
    source.onmessage = (message) => {
      came();
      tell(JSON.parse(message.data));
    };
    source.onerror = () => {
      if (source.readyState === EventSource.CLOSED) end();
      else lost();
    };
  };
  const openAgain = async () => {
    const state = await fetch(path("state"), { signal: within(SILENT_MS) }).then((answer) => {
      if (answer.status === 401) location.reload();
      return answer.ok ? answer.json() : null;
    }).catch(() => null);
    answers = state !== null;
    turn();
    if (answers) tell(state);
  };
  const turn = () => {
    close();
    if (!document.hidden) open();
  };
  document.addEventListener("visibilitychange", turn);
  turn();
}
