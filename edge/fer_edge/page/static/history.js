// The history of a run: bars by hour or day, shares, the longest streaks, and all of it as tables.
const REFRESH_MS = 60000, LEFT = 48, BELOW = 22, ABOVE = 8;
const STEPS = [60, 300, 900, 1800, 3600, 7200, 14400, 43200, 86400]; // seconds between two lines
const $ = (id) => document.getElementById(id);
const asked = { period: "day", person: "", camera: "" };
const UNKNOWN = "\n"; // the choice of those whom nobody knows; no name is so
let shown = null, newest = 0;

const make = (tag, parent, text = "") => {
  const element = document.createElement(tag);
  element.textContent = text;
  parent.append(element);
  return element;
};
const draw = (tag, parent, places, text = "") => {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(places)) element.setAttribute(name, value);
  element.textContent = text;
  parent.append(element);
  return element;
};
const sum = (seconds) => Object.values(seconds).reduce((all, each) => all + each, 0);
const who = (person) => person || "not known";

function duration(seconds) {
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.round(seconds / 60), hours = Math.floor(minutes / 60);
  if (!hours) return `${minutes} min`;
  return minutes % 60 ? `${hours} h ${minutes % 60} min` : `${hours} h`;
}

function query() {
  const words = new URLSearchParams({ period: asked.period });
  if (asked.person === UNKNOWN) words.set("unknown", "1");
  else if (asked.person) words.set("person", asked.person);
  if (asked.camera) words.set("camera", asked.camera);
  return words;
}

function showChart() {
  const chart = $("chart"), { bars, labels, colours } = shown;
  const width = chart.clientWidth, height = chart.clientHeight, floor = height - BELOW;
  const most = Math.max(60, ...bars.map((bar) => sum(bar.seconds)));
  const row = (seconds) => floor - ((floor - ABOVE) * seconds) / most;
  chart.replaceChildren();
  const step = STEPS.find((each) => most / each <= 4) || STEPS.at(-1);
  for (let seconds = 0; seconds <= most; seconds += step) {
    draw("line", chart, { x1: LEFT, x2: width, y1: row(seconds), y2: row(seconds) });
    draw("text", chart, { x: LEFT - 6, y: row(seconds) + 4, "text-anchor": "end" }, seconds ? duration(seconds) : "0");
  }
  const wide = (width - LEFT) / bars.length, gap = wide > 5 ? 1.5 : 0;
  let free = 0, day = "";
  bars.forEach((bar, index) => {
    const left = LEFT + index * wide, group = draw("g", chart, {});
    let below = 0;
    for (const label of Object.keys(labels)) {
      const part = bar.seconds[label] || 0, top = row(below + part);
      if (part) draw("rect", group, { x: left, y: top, width: wide - gap, height: row(below) - top, fill: colours[label] });
      below += part;
    }
    draw("title", group, {}, `${bar.day} ${bar.time}: ${duration(below)}`);
    const name = asked.period === "day" ? bar.time : bar.day;
    if (name !== day && left >= free) {
      const text = draw("text", chart, { x: left, y: height - 6 }, name);
      free = left + text.getComputedTextLength() + 10;
      if (free - 10 > width) text.remove();
    }
    day = name;
  });
}

function line(table, ...cells) {
  const row = make("tr", table);
  cells.forEach((cell, index) => {
    const each = make(index ? "td" : "th", row, cell);
    if (!index) each.scope = "row";
  });
  return row;
}

function showTables() {
  const { bars, labels, colours, streaks } = shown, all = sum(labels), names = Object.keys(labels);
  const [shares, longest, numbers] = ["shares", "streaks", "numbers"].map((id) => $(id).tBodies[0]);
  for (const each of [shares, longest, numbers, $("numbers").tHead]) each.replaceChildren();
  for (const [label, seconds] of Object.entries(labels)) {
    const row = line(shares, label, duration(seconds), `${Math.round((100 * seconds) / all)} %`);
    const mark = document.createElement("i");
    mark.style.background = colours[label];
    row.firstChild.prepend(mark);
  }
  for (const each of streaks) line(longest, each.when, duration(60 * each.minutes), `${each.label}, ${who(each.person)}`);
  if (!streaks.length) line(longest, "none of two minutes or more");
  const head = make("tr", $("numbers").tHead);
  for (const name of ["", "all", ...names]) make("th", head, name).scope = "col";
  for (const bar of bars) {
    const total = sum(bar.seconds);
    if (total) line(numbers, `${bar.day} ${bar.time}`, duration(total), ...names.map((name) => (bar.seconds[name] ? duration(bar.seconds[name]) : "–")));
  }
}

function offer(select, names, chosen) {
  const values = names.map((name) => name || UNKNOWN);
  if (chosen && !values.includes(chosen)) values.push(chosen); // in another period
  select.replaceChildren(new Option("all", ""), ...values.map((value) => new Option(who(value.trim()), value)));
  select.value = chosen;
  select.parentElement.hidden = values.length < 2 && !chosen;
}

function show(history) {
  shown = history;
  const all = sum(history.labels);
  $("days").textContent = all ? `${history.title}: ${duration(all)} in sight, everybody added up` : `${history.title}: nobody in sight`;
  offer($("who"), history.people, asked.person);
  offer($("where"), history.cameras, asked.camera);
  for (const part of document.querySelectorAll("#chart, .halves, #history details")) part.style.display = all ? "" : "none";
  $("export").href = `history.csv?${query()}`;
  $("kept").textContent = `Times are the device's, ${history.zone}. Kept in ${history.where}: minutes and changes for ${history.kept_days} days, hours for good; no pictures. A person is deleted by: ${history.deleting}.`;
  showTables();
  showChart();
}

async function refresh() {
  const number = ++newest;
  for (const button of $("periods").children) button.setAttribute("aria-pressed", button.value === asked.period);
  const answer = await fetch(`history?${query()}`, { signal: within(ANSWER_MS) }).catch(() => null);
  const history = answer && (await answer.json().catch(() => null));
  if (number !== newest) return; // something else was asked for meanwhile
  if (history && !history.error) show(history);
  else $("days").textContent = history ? history.error : "no connection";
}

export function begin() {
  $("history").hidden = false;
  $("periods").addEventListener("click", (event) => {
    if (!event.target.value) return;
    asked.period = event.target.value;
    refresh();
  });
  for (const [id, name] of [["who", "person"], ["where", "camera"]]) {
    $(id).addEventListener("change", () => {
      asked[name] = $(id).value;
      refresh();
    });
  }
  new ResizeObserver(() => shown && showChart()).observe($("chart"));
  setInterval(() => document.hidden || refresh(), REFRESH_MS);
  refresh();
}
