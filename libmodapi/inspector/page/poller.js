// Asks again and again, as long as somebody looks: one after the other, and ever more rarely while it goes wrong.

const PAUSE = 2_000; // ms
const LONGEST_PAUSE = 60_000;

export class Poller {
  #ask;
  #tell;
  #timer = 0;
  #failures = 0;
  #isAsking = false;
  #isEnded = false;
  #again = false;

  /** `ask()` is awaited; `tell({problem, pause})` hears how each went. */
  constructor(ask, tell) {
    this.#ask = ask;
    this.#tell = tell;
    document.addEventListener("visibilitychange", this.#look);
  }

  #look = () => {
    if (document.visibilityState === "visible") this.now();
    else clearTimeout(this.#timer);
  };

  /** At once, or when what runs has ended. */
  now() {
    clearTimeout(this.#timer);
    if (this.#isAsking) this.#again = true;
    else this.#poll();
  }

  async #poll() {
    if (this.#isEnded || this.#isAsking) return;
    this.#isAsking = true;
    let problem = null;
    try {
      await this.#ask();
      this.#failures = 0;
    } catch (failure) {
      problem = failure;
      this.#failures += 1;
    }
    this.#isAsking = false;
    if (this.#isEnded) return;
    const pause = Math.max(Math.min(PAUSE * 2 ** this.#failures, LONGEST_PAUSE), problem?.retryAfter ?? 0);
    const next = this.#failures === 0 ? PAUSE : pause;
    this.#tell({ problem, pause: next });
    if (this.#isEnded) return;
    if (this.#again) {
      this.#again = false;
      this.#poll();
    } else if (document.visibilityState === "visible") {
      this.#timer = setTimeout(() => this.#poll(), next);
    }
  }

  end() {
    this.#isEnded = true;
    clearTimeout(this.#timer);
    document.removeEventListener("visibilitychange", this.#look);
  }
}
