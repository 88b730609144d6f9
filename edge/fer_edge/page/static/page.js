"use strict";
const SPAN_SECONDS = 300, MOST_EVENTS = 30;
const $ = (id) => document.getElementById(id);
const make = (tag, parent, text = "", name = "") => {
  const element = document.createElement(tag);
  element.textContent = text;
  element.className = name;
  parent.append(element);
  return element;
};
const percent = (share) => `${Math.round(100 * share)} %`;
const faces = new Map(); // what is shown of each face, by track
let colours = {}, model = "", learning = null;
let told = []; // events, oldest first
const pictures = new Map(); // the live picture of each camera
let blind = 0, stream = null; // for how many states no picture was sent here; the pictures of several cameras
const viewer = Math.random().toString(36).slice(2, 12);

function health(kind, words) {
  $("status").className = kind;
  $("words").textContent = words;
}

function who({ camera, person, track }) {
  return (camera ? `${camera}: ` : "") + (person || `face ${track}`);
}

function newFace(face) {
  const box = make("div", $("faces"), "", "face");
  const title = make("h3", box);
  const shown = { box, name: make("span", title), sure: make("small", title), fills: {}, shares: {} };
  for (const label of Object.keys(face.probabilities)) {
    const bar = make("div", box, "", "bar");
    make("span", bar, label);
    shown.fills[label] = make("span", make("span", bar, "", "track"), "", "fill");
    shown.fills[label].style.background = colours[label];
    shown.shares[label] = make("span", bar);
  }
  return shown;
}

function showStored(stored) {
  $("stored").textContent = stored.length ? `Stored: ${stored.join(", ")}.` : "Nothing is stored.";
}

function showFaces(seen) {
  const present = new Set(seen.map((face) => face.track));
  for (const [track, shown] of faces) {
    if (!present.has(track)) {
      shown.box.remove();
      faces.delete(track);
    }
  }
  for (const face of seen) {
    if (!faces.has(face.track)) faces.set(face.track, newFace(face));
    const shown = faces.get(face.track);
    shown.name.textContent = face.label;
    shown.sure.textContent = `${who(face)} · ${percent(face.confidence)}`;
    for (const [label, share] of Object.entries(face.probabilities)) {
      shown.fills[label].style.width = `${100 * share}%`;
      shown.shares[label].textContent = percent(share);
    }
  }
  $("nobody").hidden = seen.length > 0;
}

function spans(now) {
  // Each stretch of one expression, in the first lane that is free when its face comes.
  const open = new Map(), done = [];
  const close = (track, until) => {
    const last = open.get(track);
    if (last) done.push({ ...last, until });
    open.delete(track);
    return last;
  };
  for (const event of told) {
    const last = close(event.track, event.wall);
    if (event.kind === "ended") continue;
    const taken = new Set([...open.values()].map((each) => each.lane));
    let lane = last ? last.lane : 0;
    while (!last && taken.has(lane)) lane += 1;
    open.set(event.track, { label: event.label, from: event.wall, lane });
  }
  for (const track of [...open.keys()]) close(track, now);
  return done;
}

function showStrip(now) {
  const start = now - SPAN_SECONDS, shown = spans(now).filter((span) => span.until > start);
  const height = 10 / (1 + Math.max(0, ...shown.map((span) => span.lane)));
  $("strip").replaceChildren(...shown.map((span) => {
    const bar = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    const left = Math.max(span.from - start, 0);
    const place = { x: left, y: height * span.lane, width: Math.max(span.until - start - left, 0.5), height: 0.96 * height };
    for (const [name, value] of Object.entries(place)) bar.setAttribute(name, value);
    bar.setAttribute("fill", colours[span.label] || "gray");
    return bar;
  }));
}

function showEvent(event) {
  const line = document.createElement("li");
  make("time", line, new Date(1000 * event.wall).toLocaleTimeString());
  const words = event.kind === "ended" ? "left" : `${event.label}, ${percent(event.confidence)}`;
  make("span", line, `${who(event)}: ${words}`);
  $("events").prepend(line);
  while ($("events").children.length > MOST_EVENTS) $("events").lastChild.remove();
}

function total(cameras, key) {
  return cameras.reduce((sum, each) => sum + each[key], 0);
}

function showCameras({ cameras, now }) {
  const away = cameras.filter((each) => each.silent_seconds > 2);
  const words = away.map(({ camera, silent_seconds: silent, ill }) => {
    const told = ill ? "no picture for" : camera ? "waiting" : "waiting for the camera,";
    return `${camera ? `${camera}: ` : ""}${told} ${Math.round(silent)} s`;
  });
  health(cameras.some((each) => each.ill) ? "ill" : "well", words.join("; ") || "live");
  const longest = Math.min(...cameras.map((each) => each.silent_seconds));
  const since = new Date(1000 * (now - longest)).toLocaleTimeString();
  const none = cameras.length > 1 ? "No camera gives pictures" : "The camera has been away";
  $("nobody").textContent = away.length === cameras.length ? `${none} since ${since}.` : "Nobody in sight.";
  cameras.forEach(showAway);
  keepLooking(cameras);
}

function show(state) {
  $("speed").textContent = total(state.cameras, "frames_per_second").toFixed(1);
  $("frames").textContent = total(state.cameras, "frames").toLocaleString();
  $("heat").textContent = state.temperature_celsius === null ? "not told" : `${state.temperature_celsius.toFixed(0)} °C`;
  if (state.model !== model && !learning) {
    learning = learn().catch(() => {}).finally(() => { learning = null; }); // a later state asks again
  }
  showFaces(state.faces);
  showUnknown(state.unknown);
  showCameras(state);
  for (const event of state.events) {
    told.push(event);
    showEvent(event);
  }
  told = told.slice(-400);
  showStrip(state.now);
}

function follow() {
  followEvents(`events?viewer=${viewer}`, "about", {
    opened: () => { told = []; $("events").replaceChildren(); },
    came: show,
    lost: () => {
      health("ill", "no connection");
      showFaces([]);
      for (const { image } of pictures.values()) image.classList.add("away");
    },
  });
}

function showPicture(camera) {
  const figure = make("figure", $("live")), image = make("img", figure);
  image.alt = `Live picture ${camera ? `of ${camera} ` : ""}with a box around every face`;
  const caption = camera && make("figcaption", figure, camera);
  pictures.set(camera, { image, caption });
}

function look() {
  if (pictures.size > 1) lookAtAll();
  for (const [camera, { image }] of pictures.size === 1 ? pictures : []) {
    // A stream that ends makes no error in the browser: the states say whether it is still sent.
    const query = new URLSearchParams({ viewer, camera, again: Date.now() }); // the same address would not be asked anew
    image.src = `video?${query}`;
  }
}

function lookAtAll() {
  // One stream for all: a browser opens six connections to a server, and each stream keeps one.
  if (stream) stream.close();
  stream = new EventSource(`videos?viewer=${viewer}`);
  stream.onmessage = (message) => {
    const { camera, jpeg } = JSON.parse(message.data);
    pictures.get(camera).image.src = `data:image/jpeg;base64,${jpeg}`;
  };
}

function showAway({ camera, silent_seconds: silent }) {
  const picture = pictures.get(camera);
  if (!picture) return;
  picture.image.classList.toggle("away", silent > 2);
  if (camera) picture.caption.textContent = silent > 2 ? `${camera}: no picture for ${Math.round(silent)} s` : camera;
}

function keepLooking(cameras) {
  blind = document.hidden || cameras.every((each) => each.looking) ? 0 : blind + 1;
  if (blind < 10) return;
  blind = 0;
  look();
}

async function learn() {
  const about = await (await fetch("about", { signal: within(SILENT_MS) })).json();
  ({ colours, model } = about);
  $("model").textContent = model;
  showStored(about.stored);
  explainUnknown(about.unknown);
  showFaces([]);
  $("legend").replaceChildren();
  for (const [label, colour] of Object.entries(colours)) {
    const entry = make("li", $("legend"));
    make("i", entry).style.background = colour;
    entry.append(label);
  }
  return about;
}

async function begin() {
  const about = await learn();
  if (about.clips) import("./clips.js").then((clips) => clips.begin());
  if (about.history) import("./history.js").then((history) => history.begin());
  $("live").hidden = !about.video;
  $("live").classList.toggle("several", about.cameras.length > 1);
  if (about.video) about.cameras.forEach(showPicture);
  else document.querySelector("main").className = "numbers";
  follow();
  look();
}

begin().catch(() => { health("ill", "no connection"); setTimeout(() => location.reload(), RETRY_MS); });
