/** Asks for something, keeps the last good answer, and asks again, with patience, when that can help. */
import { Fault } from './api';

/** Seconds between tries; after the last only the person asks again. */
const PAUSES = [2, 4, 8, 16, 30];
/** From here on it is said that it takes long. */
const SLOW_MS = 3_000;

export class Loader<T> {
  value: T | undefined = $state.raw();
  fault: Fault | undefined = $state.raw();
  busy = $state(false);
  slow = $state(false);
  /** Until it is tried again. */
  seconds = $state(0);

  #stop: AbortController | undefined;
  #ask: ((signal: AbortSignal) => Promise<T>) | undefined;
  #tries = 0;
  /** Whether the question itself was wrong: that says nothing of another one. */
  #refused = false;
  #timers: ReturnType<typeof setTimeout>[] = [];
  #online = () => this.again();

  /** Whether an answer may be shown at once; where it may not, `held` keeps it. */
  may: () => boolean = () => true;
  held: T | undefined = $state.raw();

  /** Asks; whatever was asked before is forgotten, its answer stays until there is a new one. */
  run(ask: (signal: AbortSignal) => Promise<T>, known?: T): void {
    this.#ask = ask;
    this.#tries = 0;
    this.held = undefined;
    if (this.#refused) [this.fault, this.#refused] = [undefined, false];
    if (known !== undefined) {
      this.end();
      [this.value, this.fault] = [known, undefined];
      return;
    }
    void this.#go();
  }

  again(): void {
    this.#tries = 0;
    void this.#go();
  }

  show(): void {
    if (this.held !== undefined) [this.value, this.held] = [this.held, undefined];
  }

  /** Stops asking. */
  end(): void {
    this.#stop?.abort();
    this.#stop = undefined;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers = [];
    removeEventListener('online', this.#online);
    [this.busy, this.slow, this.seconds] = [false, false, 0];
  }

  async #go(): Promise<void> {
    const ask = this.#ask;
    if (!ask) return;
    this.end();
    const stop = (this.#stop = new AbortController());
    this.busy = true;
    this.#timers.push(setTimeout(() => (this.slow = true), SLOW_MS));
    try {
      const value = await ask(stop.signal);
      if (this.#stop !== stop) return;
      this.end();
      this.fault = undefined;
      if (this.value === undefined || this.may()) [this.value, this.held] = [value, undefined];
      else this.held = value;
    } catch (error) {
      if (this.#stop !== stop) return;
      this.end();
      this.fault = error instanceof Fault ? error : new Fault('nonsense');
      this.#refused = this.fault.kind === 'refused';
      this.#later(this.fault);
    }
  }

  #later(fault: Fault): void {
    if (fault.kind === 'gone' || fault.kind === 'refused') return;
    addEventListener('online', this.#online, { once: true });
    if (fault.kind === 'offline') return;
    const pause = PAUSES[this.#tries++];
    if (pause === undefined) return;
    this.seconds = Math.ceil(fault.retryAfter ?? pause);
    const tick = () => {
      this.seconds -= 1;
      if (this.seconds <= 0) void this.#go();
      else this.#timers.push(setTimeout(tick, 1_000));
    };
    this.#timers.push(setTimeout(tick, 1_000));
  }
}
