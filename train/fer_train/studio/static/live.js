// Asking about the camera's newest picture again and again, one at a time.
import * as camera from "./camera.js";
import { sleep } from "./dom.js";

const FAILED_MS = 2000;

export class Live {
  // Ask every so many ms while `wanted()` and the camera is on. `ask` gets a picture, or null for
  // the computer's camera; `show` its answer, `fail` an error, and `end` is called at the end.
  constructor(ms, { wanted, ask, show, fail, end }) {
    Object.assign(this, { ms, wanted, ask, show, fail, end });
    this.running = false;
    camera.whenTurned(() => this.go());
    document.addEventListener("visibilitychange", () => this.go());
  }

  get isDue() {
    return this.wanted() && camera.isOn() && !document.hidden;
  }

  async go() {
    if (this.running) return;
    this.running = true;
    while (this.isDue) {
      const next = performance.now() + this.ms;
      try {
        const seen = await this.ask(await camera.frame());
        if (this.isDue) this.show(seen);
      } catch (error) {
        this.fail(error);
        await sleep(FAILED_MS);
      }
      await sleep(next - performance.now());
    }
    this.running = false;
    this.end();
  }
}
