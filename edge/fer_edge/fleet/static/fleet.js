// The page of a fleet: a row a device, those in trouble first. The server sends what has changed.
const FILTERS = ["all", "alive", "late", "away", "hot", "wrong bundle", "no picture"];
const $ = (id) => document.getElementById(id);
const rows = new Map(); // what is shown of each device, by name
const body = $("devices").tBodies[0];
let filter = "all", isStale = false;

const make = (tag, parent, text = "", name = "") => {
  const element = document.createElement(tag);
  element.textContent = text;
  element.className = name;
  parent.append(element);
  return element;
};
const put = (cell, text) => { if (cell.textContent !== text) cell.textContent = text; };

function duration(seconds) {
  if (seconds < 60) return `${Math.round(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h`;
  const days = Math.floor(seconds / 86400);
  return days === 1 ? "1 day" : `${days} days`;
}

// Those that are late first, then those with marks, then those that are away; by name.
function rank({ state, marks }) {
  if (state === "late") return 0;
  if (state === "alive") return marks.length ? 1 : 3;
  return 2;
}

function newRow() {
  const line = document.createElement("tr"), cells = {};
  cells.name = make("th", line);
  cells.name.scope = "row";
  for (const name of ["state", "bundle", "heat", "frames", "heard", "version"]) cells[name] = make("td", line, "", name);
  return { line, cells };
}

function bundleWords({ trial, why, bundle }) {
  const [state, reason] = bundle;
  const words = [];
  if (trial === "on trial") words.push("on trial for a minute");
  if (trial === "taken back") words.push(`went back: ${why}`);
  else if (why) words.push(why);
  if (state === "fetching" || state === "checking") words.push(`${state} the published bundle`);
  if (state === "refused") words.push(`refused the published bundle: ${reason}`);
  if (state === "takes none") words.push(`takes no published bundle: ${reason}`);
  return words.join("; ");
}

function fill(row, device) {
  const { cells } = row;
  row.device = device;
  row.heard = device.heard_seconds === null ? null : Date.now() - 1000 * device.heard_seconds;
  put(cells.name, device.name);
  cells.state.replaceChildren();
  make("span", cells.state, device.state, `badge ${device.state}`);
  for (const mark of device.marks) make("span", cells.state, mark, "badge");
  if (device.blind && device.blind.some(Boolean)) make("small", cells.state, `no picture: ${device.blind.join(", ")}`);
  if (!device.version) {
    put(cells.bundle, "sends no reports: its fer-edge is older");
    return;
  }
  cells.bundle.replaceChildren(device.model);
  const words = bundleWords(device);
  if (words) make("small", cells.bundle, words, device.marks.includes("wrong bundle") || device.trial === "taken back" ? "said" : "");
  put(cells.heat, device.celsius === null ? "–" : `${device.celsius.toFixed(0)} °C`);
  if (device.slowed) make("small", cells.heat, device.slowed, "said");
  put(cells.frames, `${device.frames.toLocaleString()} frames`);
  make("small", cells.frames, `${device.events.toLocaleString()} events, up ${duration(device.uptime_seconds)}${device.dropped ? `, ${device.dropped.toLocaleString()} dropped` : ""}`);
  put(cells.version, device.version);
}

function isShown({ device }) {
  const sought = $("find").value.trim().toLowerCase();
  if (filter !== "all" && device.state !== filter && !device.marks.includes(filter)) return false;
  return !sought || `${device.name} ${device.model || ""}`.toLowerCase().includes(sought);
}

function arrange() {
  const shown = [...rows.values()].filter(isShown);
  shown.sort((one, other) => rank(one.device) - rank(other.device) || one.device.name.localeCompare(other.device.name, undefined, { numeric: true }));
  const lines = shown.map((row) => row.line);
  if (lines.length !== body.children.length || lines.some((line, at) => line !== body.children[at])) body.replaceChildren(...lines);
  $("none").hidden = lines.length > 0;
  put($("none"), rows.size ? "None of these." : 'No device has told anything yet. Each needs mqtt = "mqtt://..." in its settings.');
}

function showAges() {
  if (isStale) return; // time stands still without the broker
  for (const { cells, heard } of rows.values()) put(cells.heard, heard === null ? "before this page" : `${duration(Math.max(Date.now() - heard, 0) / 1000)} ago`);
}

function showFilters(counts) {
  for (const button of $("filters").children) {
    const { value } = button, count = value === "all" ? rows.size : counts[value] || 0;
    put(button, `${value} ${count.toLocaleString()}`);
    button.setAttribute("aria-pressed", value === filter);
  }
}

function health(kind, words) {
  $("status").className = kind;
  put($("words"), words);
}

function showBroker({ connected, seconds, why }) {
  isStale = !connected;
  document.body.classList.toggle("stale", isStale);
  if (connected) health("well", "live");
  else health("ill", `no broker for ${duration(seconds)} (${why}); shown is what was known then`);
}

function show(news) {
  for (const device of news.devices) {
    if (device.state === "gone") {
      rows.delete(device.name);
      continue;
    }
    if (!rows.has(device.name)) rows.set(device.name, newRow());
    fill(rows.get(device.name), device);
  }
  showBroker(news.broker);
  showFilters(news.counts);
  arrange();
  showAges();
  const some = news.published_for_some ? ` ${news.published_for_some} devices have one of their own.` : "";
  put($("published"), (news.published ? `Published for all: ${news.published}.` : "No bundle is published for all.") + some);
  const strange = news.strange ? `, of which ${news.strange.toLocaleString()} were none of ours` : "";
  put($("traffic"), `${news.messages.toLocaleString()} messages since this page was started${strange}. Nothing is stored.`);
}

function follow() {
  followEvents("events", "fleet", {
    opened: () => rows.clear(), // the first news has every device
    came: show,
    lost: () => {
      isStale = true;
      health("ill", "no connection to fer-edge fleet");
      document.body.classList.add("stale");
    },
  });
}

for (const value of FILTERS) {
  const button = make("button", $("filters"), value);
  button.type = "button";
  button.value = value;
}
$("filters").addEventListener("click", (event) => {
  if (!event.target.value) return;
  filter = event.target.value;
  for (const button of $("filters").children) button.setAttribute("aria-pressed", button.value === filter);
  arrange();
});
$("find").addEventListener("input", arrange);
follow();
