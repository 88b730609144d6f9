// The camera that is chosen: one of this browser's, or that of the computer that runs the studio.
// `frame()` gives a picture as a Blob, or null for "take the newest of the computer's camera".
import { api } from "./api.js";
import { $, complain, focusOn, make, offer } from "./dom.js";
import { WORDS } from "./words.js";

const COMPUTER = "computer", LONGEST_SIDE = 640, JPEG_QUALITY = 0.9;
const canvas = document.createElement("canvas");
const state = { on: false, opening: false, computer: false, stream: null, mirrored: false };
const turnedOn = new Set();

export const whenTurned = (call) => turnedOn.add(call);
export const isOn = () => state.on;

// Say whether the computer has a camera of its own.
export function setComputerCamera(present) {
  if (present === state.computer && $("devices").options.length) return;
  state.computer = present;
  offerDevices();
}

const browserHasCameras = () => Boolean(navigator.mediaDevices && navigator.mediaDevices.getUserMedia);

async function offerDevices() {
  const found = browserHasCameras() ? await navigator.mediaDevices.enumerateDevices().catch(() => []) : [];
  const cameras = found.filter((each) => each.kind === "videoinput" && each.deviceId);
  const names = new Map(cameras.map((each, index) => [each.deviceId, each.label || WORDS.cameraNumber(index + 1)]));
  if (browserHasCameras() && !cameras.length) names.set("", WORDS.browserCamera); // its names come with permission
  if (state.computer) names.set(COMPUTER, WORDS.computerCamera);
  offer($("devices"), [...names.keys()], (id) => names.get(id));
  $("no-camera").textContent = browserHasCameras() ? "" : WORDS.noBrowserCamera(state.computer);
  $("devices").hidden = names.size < 2;
  $("start").disabled = !names.size;
}

export async function start() {
  if (state.opening) return;
  stop();
  state.opening = true;
  try {
    if ($("devices").value === COMPUTER) await startComputer();
    else await startBrowser($("devices").value);
    state.on = true;
  } catch (error) {
    stop();
    complain(error);
  } finally {
    state.opening = false;
    show();
  }
}

async function startBrowser(device) {
  const wanted = device ? { deviceId: { exact: device } } : { facingMode: "user" };
  const video = { ...wanted, width: { ideal: 640 }, height: { ideal: 480 } };
  try {
    state.stream = await navigator.mediaDevices.getUserMedia({ video, audio: false });
  } catch (error) {
    throw new Error(WORDS.cameraRefused[error.name] || WORDS.cameraFailed(error.message));
  }
  const [track] = state.stream.getVideoTracks();
  track.addEventListener("ended", () => { stop(); complain(WORDS.cameraGone); });
  state.mirrored = track.getSettings().facingMode !== "environment";
  $("video").srcObject = state.stream;
  await $("video").play();
  await offerDevices(); // now they have names
  $("devices").value = track.getSettings().deviceId || $("devices").value;
}

async function startComputer() {
  const stream = $("stream");
  stream.src = api.cameraAddress(); // another address each time, else it would not be asked anew
  await new Promise((done, failed) => {
    stream.onload = done;
    stream.onerror = () => failed(new Error(WORDS.computerCameraFailed));
    const wait = setInterval(() => { if (stream.naturalWidth) { clearInterval(wait); done(); } }, 100);
    setTimeout(() => { clearInterval(wait); failed(new Error(WORDS.computerCameraFailed)); }, 8000);
  });
  state.mirrored = true;
}

// Ask for the computer's camera again, which stands still after a lost connection. A hidden page asks
// for no stream: browsers allow only six connections to a host.
export function renew() {
  if (!state.on || state.stream) return;
  if (document.hidden) $("stream").removeAttribute("src");
  else $("stream").src = api.cameraAddress();
}

export function stop() {
  if (state.stream) for (const track of state.stream.getTracks()) track.stop();
  state.stream = null;
  state.on = false;
  $("video").srcObject = null;
  $("stream").removeAttribute("src");
  drawBoxes([]);
  show();
}

function show() {
  const browser = state.on && state.stream !== null;
  $("video").hidden = !browser;
  $("stream").hidden = !(state.on && !browser);
  $("dark").hidden = state.on;
  $("camera-is-on").hidden = !state.on;
  $("preview").classList.toggle("mirrored", state.mirrored);
  showRatio();
  $("start").textContent = state.on ? WORDS.stopCamera : WORDS.startCamera;
  for (const call of turnedOn) call(state.on);
}

// The preview has the picture's sides, which change when a telephone is turned.
function showRatio() {
  const video = $("video"), stream = $("stream");
  const [width, height] = state.stream ? [video.videoWidth, video.videoHeight] : [stream.naturalWidth, stream.naturalHeight];
  $("preview").style.setProperty("--ratio", width ? width / height : 4 / 3);
}

// The newest picture as a JPEG; null for the computer's camera, which the server asks itself.
export async function frame() {
  if (!state.stream) return null;
  const video = $("video"), scale = Math.min(1, LONGEST_SIDE / Math.max(video.videoWidth, video.videoHeight));
  canvas.width = Math.round(scale * video.videoWidth);
  canvas.height = Math.round(scale * video.videoHeight);
  canvas.getContext("2d").drawImage(video, 0, 0, canvas.width, canvas.height);
  const picture = await new Promise((done) => { canvas.toBlob(done, "image/jpeg", JPEG_QUALITY); });
  if (!picture) throw new Error(WORDS.error({ code: "no_picture" }));
  return picture;
}

function frameSize() {
  if (state.stream) return [canvas.width, canvas.height];
  return [$("stream").naturalWidth, $("stream").naturalHeight];
}

// Draw boxes [x, y, w, h] of the last frame over the preview, each with a name if there is one.
export function drawBoxes(boxes, kind = "good", names = []) {
  const [width, height] = frameSize();
  $("boxes").replaceChildren();
  for (const [index, [x, y, w, h]] of (width ? boxes : []).entries()) {
    const box = make("span", $("boxes"), "", kind);
    if (names[index]) make("b", box, names[index]);
    const left = state.mirrored ? width - x - w : x;
    const place = { left: left / width, top: y / height, width: w / width, height: h / height };
    for (const [side, share] of Object.entries(place)) box.style[side] = `${100 * share}%`;
  }
}

export function wire() {
  $("start").addEventListener("click", () => (state.on ? stop() : start()));
  $("stop-camera").addEventListener("click", () => { stop(); focusOn($("content")); });
  $("video").addEventListener("resize", showRatio);
  document.addEventListener("visibilitychange", renew);
  $("devices").addEventListener("change", () => { if (state.on) start(); });
  if (browserHasCameras()) navigator.mediaDevices.addEventListener("devicechange", offerDevices);
  offerDevices();
}
