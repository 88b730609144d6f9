// Clips of moments: a list of the newest, each to be played, saved or deleted.
const REFRESH_MS = 10000, MORE = 50;
const $ = (id) => document.getElementById(id);
const shown = new Map(); // what is shown of each clip, by its file
let most = MORE, newest = 0;

const make = (tag, parent, text = "", name = "") => {
  const element = document.createElement(tag);
  element.textContent = text;
  element.className = name;
  parent.append(element);
  return element;
};
const address = (file, save = "") => `clips/video?${new URLSearchParams({ file, ...(save && { save }) })}`;

function words(clip) {
  const what = [clip.label, clip.person, clip.camera].filter(Boolean).join(", ") || clip.file;
  const long = clip.open ? "being recorded" : clip.seconds ? `${Math.round(clip.seconds)} s` : "length not known";
  return `${what} · ${long}${clip.whole || clip.open ? "" : " · cut off"}`;
}

function play(clip) {
  const { box, player } = shown.get(clip.file);
  stop();
  if (player) return;
  const video = make("video", box);
  Object.assign(video, { controls: true, autoplay: true, muted: true, playsInline: true, src: address(clip.file) });
  video.setAttribute("aria-label", `Clip: ${words(clip)}`);
  video.addEventListener("error", () => say("This clip does not play here; save it instead."));
  shown.get(clip.file).player = video;
  describe(shown.get(clip.file));
}

function stop() {
  for (const each of shown.values()) {
    if (!each.player) continue;
    each.player.removeAttribute("src"); // lets the connection go
    each.player.load();
    each.player.remove();
    each.player = null;
    describe(each);
  }
}

const say = (text) => { $("clips-said").textContent = text; };

async function drop(clip) {
  if (!confirm(`Delete this clip? ${words(clip)}`)) return;
  const query = new URLSearchParams({ file: clip.file });
  const answer = await fetch(`clips/delete?${query}`, { method: "POST", signal: within(ANSWER_MS) }).catch(() => null);
  const value = answer ? await answer.json().catch(() => ({ error: `refused (${answer.status})` })) : { error: "no connection" };
  say(value.error || "Deleted.");
  await refresh();
  $("clips").tabIndex = -1;
  $("clips").focus(); // the button that had it is gone
}

function add(clip) {
  const box = make("li", $("clip-list")), line = make("div", box, "", "clip");
  const time = make("time", line, clip.time ? new Date(clip.time).toLocaleString() : "");
  time.dateTime = clip.time;
  const text = make("span", line), buttons = make("span", line, "", "buttons");
  const button = make("button", buttons, ""), save = make("a", buttons, "Save"), remove = make("button", buttons, "Delete");
  button.type = remove.type = "button";
  Object.assign(save, { href: address(clip.file, "1"), download: clip.file });
  button.addEventListener("click", () => play(shown.get(clip.file).clip));
  remove.addEventListener("click", () => drop(shown.get(clip.file).clip));
  shown.set(clip.file, { box, time, text, button, save, remove, clip, player: null });
}

function describe({ clip, time, text, button, save, remove, player }) {
  text.textContent = words(clip);
  button.textContent = player ? "Close" : "Play";
  remove.hidden = clip.open;
  for (const each of [button, save, remove]) each.setAttribute("aria-label", `${each.textContent}: ${words(clip)}, ${time.textContent}`);
}

function show({ clips, all, where }) {
  const present = new Set(clips.map((clip) => clip.file));
  for (const [file, each] of shown) {
    if (present.has(file)) continue;
    each.box.remove();
    shown.delete(file);
  }
  for (const [place, clip] of clips.entries()) {
    if (!shown.has(clip.file)) add(clip);
    const each = shown.get(clip.file), now = $("clip-list").children[place];
    each.clip = clip;
    describe(each);
    if (now !== each.box) $("clip-list").insertBefore(each.box, now); // a video that moves stops
  }
  $("clips-kept").textContent = all ? `${clips.length} of ${all} shown. They lie in ${where}, with the masks and the blur of the live picture.` : "None yet.";
  $("clips-more").hidden = clips.length >= all;
}

async function refresh() {
  const number = ++newest, answer = await fetch(`clips?most=${most}`, { signal: within(ANSWER_MS) }).catch(() => null);
  const told = answer && answer.ok && (await answer.json().catch(() => null));
  if (told && number === newest) show(told);
}

export function begin() {
  $("clips").hidden = false;
  $("clips-more").addEventListener("click", () => {
    most += MORE;
    refresh();
  });
  setInterval(() => document.hidden || refresh(), REFRESH_MS);
  refresh();
}
