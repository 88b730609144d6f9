// Step 2: train, watch, and see what the model gets wrong.
import { api, classNamed, pictureOf } from "./api.js";
import { $, ask, complain, draw, focusOn, make, makeButton, offer, percent, speak, told } from "./dom.js";
import { mayDelete } from "./uses.js";
import { WORDS } from "./words.js";

let classes = [];
let runs = [];
let shown = ""; // the run whose result stands on the page, and when it was made
let listed = ""; // what the list of models shows
let suggested = ""; // the name of a run that the page proposed

export function showTraining(state) {
  classes = state.classes.map((each) => each.name);
  runs = state.runs;
  offer($("init"), state.init, WORDS.network);
  $("init-words").textContent = WORDS.networkAdvice[$("init").value] || "";
  const busy = state.job !== null;
  if ($("run-name").value === suggested) $("run-name").value = suggested = freeName();
  $("train-form").hidden = busy;
  $("train-button").disabled = !state.ready;
  $("why-not").textContent = state.ready ? "" : WORDS.whyNot(state.why_not);
  $("failed").textContent = busy || !state.failed ? "" : WORDS.error(state.failed);
  $("job").hidden = !busy;
  if (busy) showJob(state.job);
  showRuns(state.ready && !busy);
  if (busy) return;
  const newest = runs.find((each) => each.accuracy !== null); // the newest stands first
  const key = newest ? `${newest.name} ${newest.made}` : "";
  if (key === shown) return;
  shown = key;
  $("result").hidden = !newest;
  if (newest) showRun(newest.name).catch(complain);
}

// A row for each model: how good it is, what to know of it, and what removes it.
function showRuns(mayTrain) {
  const key = JSON.stringify([runs, mayTrain]);
  if (key === listed) return;
  listed = key;
  const focused = $("runs").contains(document.activeElement);
  $("models").hidden = runs.length === 0;
  $("runs").replaceChildren();
  for (const run of runs) {
    const row = make("tr", $("runs"));
    make("th", row, run.name).scope = "row";
    make("td", row, run.accuracy === null ? "–" : percent(run.accuracy));
    make("td", row, WORDS.runNote(run), "quiet");
    const buttons = make("div", make("td", row), "", "row end");
    if (run.accuracy !== null) {
      makeButton(buttons, WORDS.showRun, told(() => showRun(run.name)), "second small").setAttribute("aria-label", WORDS.showRunOf(run.name));
    }
    if (run.trained_with_deleted) {
      const again = makeButton(buttons, WORDS.trainAgain, told(() => api.trainAgain(run.name)), "second small");
      again.setAttribute("aria-label", WORDS.trainRunAgain(run.name));
      again.disabled = !mayTrain;
    }
    makeButton(buttons, WORDS.delete, told(() => removeRun(run.name)), "second small danger").setAttribute("aria-label", WORDS.deleteRun(run.name));
  }
  if (focused) focusOn($("models-title"), $("train-button"));
}

async function removeRun(name) {
  if (await ask(WORDS.deleteRunAsk(name), WORDS.delete)) await api.deleteRun(name);
  shown = ""; // its result may be the one that is shown
}

function freeName() {
  const taken = new Set(runs.map((each) => each.name));
  for (let number = 1; ; number += 1) {
    const name = number === 1 ? WORDS.firstRun : `${WORDS.firstRun}-${number}`;
    if (!taken.has(name)) return name;
  }
}

function showJob(job) {
  $("job").dataset.name = job.name;
  $("job-title").textContent = WORDS.jobTitle(job.kind, job.name);
  speak(WORDS.jobTitle(job.kind, job.name));
  if (job.kind === "train" && job.curve.length) $("job-progress").value = job.epoch / job.epochs;
  else $("job-progress").removeAttribute("value");
  const left = job.seconds_left ? WORDS.secondsLeft(Math.round(job.seconds_left)) : "";
  $("job-words").textContent = [WORDS.jobStep(job), left].filter(Boolean).join("; ");
  $("curve").toggleAttribute("hidden", job.curve.length === 0);
  $("curve-legend").hidden = job.curve.length === 0;
  drawCurve(job.curve, job.epochs || 1);
}

// Accuracy over epochs: of the pictures trained on, and of those held back.
function drawCurve(curve, epochs) {
  const svg = $("curve"), left = 42, right = 314, top = 6, bottom = 102;
  svg.replaceChildren();
  const across = (epoch) => left + (right - left) * (epochs > 1 ? (epoch - 1) / (epochs - 1) : 0.5);
  const up = (share) => bottom - (bottom - top) * share;
  for (const share of [0, 0.5, 1]) {
    draw("line", svg, { x1: left, x2: right, y1: up(share), y2: up(share), class: "rule" });
    draw("text", svg, { x: left - 4, y: up(share) + 3, "text-anchor": "end" }).textContent = percent(share);
  }
  draw("text", svg, { x: left, y: 116 }).textContent = WORDS.epoch(1);
  draw("text", svg, { x: right, y: 116, "text-anchor": "end" }).textContent = WORDS.epoch(epochs);
  for (const [key, kind] of [["accuracy", "line-seen"], ["val_accuracy", "line-held"]]) {
    const points = curve.map((each) => `${across(each.epoch).toFixed(1)},${up(each[key]).toFixed(1)}`);
    draw("polyline", svg, { points: points.join(" "), class: kind });
    if (points.length) {
      const [x, y] = points.at(-1).split(",");
      draw("circle", svg, { cx: x, cy: y, r: 2.5, class: kind });
    }
  }
  const last = curve.at(-1);
  svg.setAttribute("aria-label", last ? WORDS.curveWords(last.epoch, percent(last.accuracy), percent(last.val_accuracy)) : "");
}

async function showRun(name) {
  const run = await api.run(name), box = $("result");
  box.replaceChildren();
  box.hidden = false;
  make("h2", box, WORDS.resultOf(run.name));
  const figures = make("p", box, "", "figure");
  make("strong", figures, percent(run.accuracy));
  make("span", figures, WORDS.interval(percent(run.low), percent(run.high), run.count));
  speak(`${WORDS.resultOf(run.name)} ${figures.textContent}`);
  make("p", box, WORDS.heldBack(run.held_back), "quiet");
  make("p", box, WORDS.int8(run.int8), "quiet");
  if (run.show_more_of.length) showMoreOf(box, run.show_more_of);
  showConfusion(box, run);
  showMistakes(box, run);
}

function showMoreOf(box, wanted) {
  const line = make("p", box, `${WORDS.showMoreOf} `, "hint bad");
  make("strong", line, wanted.join(", "));
  line.append(" ");
  make("a", line, WORDS.toShow).href = "#show";
}

// A class as the head of a column or a row; a long name is cut, and whole as the title.
function heading(line, name, scope) {
  Object.assign(make("th", line, name), { scope, title: name });
}

function showConfusion(box, run) {
  make("h3", box, WORDS.confusion);
  make("p", box, WORDS.confusionHow, "quiet");
  const table = make("table", make("div", box, "", "scroll"), "", "confusion");
  table.setAttribute("aria-label", WORDS.confusion);
  const head = make("tr", make("thead", table));
  make("td", head);
  for (const label of run.labels) heading(head, label, "col");
  make("th", head, WORDS.recall).scope = "col";
  const body = make("tbody", table);
  for (const [index, row] of run.confusion.entries()) {
    const line = make("tr", body), total = row.reduce((sum, each) => sum + each, 0);
    heading(line, run.labels[index], "row");
    for (const [column, count] of row.entries()) {
      const cell = make("td", line, String(count), column === index ? "right" : "wrong");
      cell.style.setProperty("--share", total ? count / total : 0);
    }
    make("td", line, total ? percent(row[index] / total) : "–", "recall");
  }
}

function showMistakes(box, run) {
  make("h3", box, WORDS.mistakes(run.mistakes_count));
  if (run.mistakes_gone) make("p", box, WORDS.mistakesGone(run.mistakes_gone), "quiet");
  if (!run.mistakes.length) return;
  make("p", box, WORDS.mistakesHow, "quiet");
  const list = make("ul", box, "", "mistakes");
  for (const mistake of run.mistakes) showMistake(list, mistake);
  makeButton(box, WORDS.trainAgain, () => {
    $("train-form").scrollIntoView({ block: "center" });
    $("train-button").focus();
  });
}

function showMistake(list, mistake) {
  const item = make("li", list), stored = pictureOf(mistake), words = WORDS.mistake(mistake.class, mistake.answered, percent(mistake.confidence));
  const button = makeButton(item, "", () => {
    panel.hidden = !panel.hidden;
    button.setAttribute("aria-expanded", String(!panel.hidden));
  }, "tile");
  button.setAttribute("aria-expanded", "false");
  const picture = make("img", button);
  picture.src = api.pictureAddress(classNamed(mistake.class), stored);
  picture.alt = words;
  make("span", button, words);
  const panel = make("div", item, "", "panel");
  panel.hidden = true;
  const target = make("select", panel);
  target.setAttribute("aria-label", WORDS.moveTo);
  offer(target, classes.filter((each) => each !== mistake.class));
  if (classes.includes(mistake.answered)) target.value = mistake.answered;
  const done = (said) => {
    const line = make("span", null, said, "quiet done");
    line.tabIndex = -1;
    item.replaceChildren(line);
    focusOn(line);
  };
  makeButton(panel, WORDS.relabel, told(async () => {
    await api.movePicture(classNamed(mistake.class), stored, target.value);
    done(WORDS.relabelled(target.value));
  }), "small");
  makeButton(panel, WORDS.delete, told(async () => {
    if (!(await mayDelete(classNamed(mistake.class), [stored]))) return;
    await api.deletePicture(classNamed(mistake.class), stored);
    done(WORDS.deleted);
  }), "second small danger");
}

export function wire() {
  $("train-form").addEventListener("submit", (event) => {
    event.preventDefault();
    told(async () => {
      await api.train($("init").value, $("run-name").value.trim());
      shown = "";
    })();
  });
  $("init").addEventListener("change", () => { $("init-words").textContent = WORDS.networkAdvice[$("init").value] || ""; });
  $("stop").addEventListener("click", told(async () => {
    const { name } = $("job").dataset; // meanwhile another one may begin
    if (await ask(WORDS.stopAsk, WORDS.stop)) await api.stop(name);
  }));
}
