/** Things that wait under a key to be taken, the oldest first; bounded in number and in time. */

interface Entry<T> {
  readonly key: string;
  readonly value: T;
  readonly timer: NodeJS.Timeout;
}

/** Holds values until they are taken or given up; its timers keep no process alive. */
export class Waiting<T> {
  readonly #most: number;
  readonly #patience: number;
  readonly #abandon: (value: T) => void;
  /** In the order of arrival, so that the first is the oldest. */
  readonly #entries = new Set<Entry<T>>();
  readonly #byKey = new Map<string, Entry<T>[]>();

  /** Holds at most `most` things for `patience` milliseconds; `abandon` hears of those that nobody took. */
  constructor(most: number, patience: number, abandon: (value: T) => void) {
    this.#most = most;
    this.#patience = patience;
    this.#abandon = abandon;
  }

  get size(): number {
    return this.#entries.size;
  }

  add(key: string, value: T): void {
    const timer = setTimeout(() => this.#drop(entry), this.#patience);
    timer.unref();
    const entry: Entry<T> = { key, value, timer };
    this.#entries.add(entry);
    const same = this.#byKey.get(key);
    if (same) same.push(entry);
    else this.#byKey.set(key, [entry]);
    const [oldest] = this.#entries;
    if (this.#entries.size > this.#most) this.#drop(oldest!);
  }

  /** The oldest under that key, or undefined. */
  take(key: string): T | undefined {
    const entry = this.#byKey.get(key)?.[0];
    if (entry) this.#remove(entry);
    return entry?.value;
  }

  #drop(entry: Entry<T>): void {
    this.#remove(entry);
    this.#abandon(entry.value);
  }

  #remove(entry: Entry<T>): void {
    clearTimeout(entry.timer);
    this.#entries.delete(entry);
    const same = this.#byKey.get(entry.key)!.filter((each) => each !== entry);
    if (same.length === 0) this.#byKey.delete(entry.key);
    else this.#byKey.set(entry.key, same);
  }
}
