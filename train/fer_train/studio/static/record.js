// Recording: shots of the camera, and of dropped files, one after the other.
import { api, pictureOf } from "./api.js";
import * as camera from "./camera.js";
import { $, complain, sleep, speak } from "./dom.js";
import { WORDS } from "./words.js";

const SHOT_MS = 200, COUNT_SECONDS = 3, RECORD_SECONDS = 10, MOST_FILES = 5000, MOST_FAILED = 5;
let running = null; // what is recorded now: { of, until }

export const isRecording = () => running !== null;

// A recording is named by the time at which it began: its pictures are kept together in training.
function recordingName() {
  const now = new Date(), two = (number) => String(number).padStart(2, "0");
  const day = [now.getFullYear(), two(now.getMonth() + 1), two(now.getDate())].join("");
  return `${day}-${[now.getHours(), now.getMinutes(), now.getSeconds()].map(two).join("")}`;
}

// Record for a class or a person until `stop`; `kept` is called with each new picture. What is recorded
// for another one ends.
export async function record(of, kept, seconds = Infinity) {
  if (running && running.of === of) return;
  if (!camera.isOn()) {
    await camera.start();
    hint(camera.isOn() ? WORDS.cameraIsOnNow : "", "");
    return;
  }
  const mine = { of, until: performance.now() + 1000 * seconds };
  running = mine;
  $("countdown").hidden = true; // of another one that this ends
  const recording = recordingName(), counts = { kept: 0, refused: 0, failed: 0 };
  try {
    while (running === mine && performance.now() < mine.until && camera.isOn()) {
      const next = performance.now() + SHOT_MS;
      const answer = await shot(of, recording, counts);
      tell(answer, counts);
      if (answer.kept) kept(pictureOf(answer));
      await sleep(next - performance.now());
    }
  } catch (error) {
    complain(error);
  }
  if (running && running !== mine) return; // another one began meanwhile, and says what it keeps
  running = null;
  camera.drawBoxes([]);
  hint(WORDS.recorded(counts.kept, counts.refused), "");
  speak(WORDS.recorded(counts.kept, counts.refused));
}

// One shot; of failures that pass, such as a camera that pauses, a few in a row are borne.
async function shot(of, recording, counts) {
  try {
    const answer = await api.shot(of, recording, await camera.frame());
    counts.failed = 0;
    return answer;
  } catch (error) {
    counts.failed += 1;
    if (counts.failed > MOST_FAILED) throw error;
    return { kept: false, why: error.message, box: null };
  }
}

export function stop() {
  running = null;
}

// Count down, then record for a while: for people alone, whose hands are not at the button.
export async function recordSoon(of, kept, shown) {
  if (running && running.of === of) return stop();
  if (!camera.isOn()) return record(of, kept);
  const waiting = { of };
  running = waiting;
  hint("", "");
  speak(WORDS.countdown(COUNT_SECONDS, RECORD_SECONDS));
  $("countdown").hidden = false;
  for (let left = COUNT_SECONDS; left > 0 && running === waiting && camera.isOn(); left -= 1) {
    $("countdown").textContent = String(left);
    shown();
    await sleep(1000);
  }
  if (running && running !== waiting) return undefined; // another one counts down or records
  $("countdown").hidden = true;
  if (!running) return undefined;
  running = null;
  return camera.isOn() ? record(of, kept, RECORD_SECONDS) : undefined;
}

function tell(answer, counts) {
  counts[answer.kept ? "kept" : "refused"] += 1;
  camera.drawBoxes(answer.box ? [answer.box] : [], answer.kept ? "good" : "bad");
  if (answer.kept) hint(WORDS.keptSoFar(counts.kept), "good");
  else {
    hint(WORDS.why(answer.why), "bad");
    speak(WORDS.why(answer.why));
  }
}

function hint(words, kind) {
  $("hint").textContent = words;
  $("hint").className = `hint ${kind}`;
}

// The files of what was dropped, those of folders too, and whether there were more than are taken.
export async function droppedFiles(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry && item.webkitGetAsEntry());
  if (!entries.some(Boolean)) return { files: [...transfer.files], cut: false };
  const files = [], waiting = entries.filter(Boolean);
  while (waiting.length && files.length <= MOST_FILES) {
    const entry = waiting.shift();
    if (entry.isFile) files.push(await new Promise((done, failed) => { entry.file(done, failed); }));
    else waiting.push(...await folderEntries(entry.createReader()));
  }
  return { files: files.slice(0, MOST_FILES), cut: files.length > MOST_FILES };
}

async function folderEntries(reader) {
  const all = [];
  for (;;) { // a reader gives a hundred at a time
    const some = await new Promise((done, failed) => { reader.readEntries(done, failed); });
    if (!some.length) return all;
    all.push(...some);
  }
}

// Send files as photos of a class or a person; say at the end how many were of no use, and why.
// `cut` is whether there were more of them.
export async function sendFiles(of, files, kept, cut = false) {
  const reasons = new Map();
  let count = 0;
  for (const [index, file] of files.entries()) {
    hint(WORDS.sending(index + 1, files.length, cut), "");
    const answer = await api.photo(of, file.name, file).catch((error) => ({ kept: false, why: error.message }));
    if (answer.kept) {
      count += 1;
      kept(pictureOf(answer));
    } else {
      const why = WORDS.whyInShort(answer.why);
      reasons.set(why, (reasons.get(why) || 0) + 1);
    }
  }
  const words = WORDS.sent(count, files.length, [...reasons], cut);
  hint(words, reasons.size || cut ? "bad" : "good");
  speak(words);
}
