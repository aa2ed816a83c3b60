// Decoded films of this page, shared by all its canvases: bounded by bytes, fetched in the order the reader needs them.
//
// Two lanes with a worker each: what is fetched ahead never stands in the way of the film that is wanted now, and begins
// when that is there.
// Knows nothing of how a film is shown.
import { decode } from "./decode.js";

export const LIMIT = 256 * 2 ** 20; // bytes of pixels kept; a 4256 x 3488 film with its pyramid takes 40 MB

export class FilmStore {
  constructor(limit = LIMIT, lane = () => new Lane()) {
    this.limit = limit;
    this.films = new Map(); // url -> {promise, bytes, wanted, done, lane}, least recently wanted first
    this.now = lane();
    this.ahead = lane();
    this.later = []; // what is fetched ahead when the films that are wanted are there
  }

  // The film at `url`, as soon as can be; rejects with a sentence.
  want(url) {
    let entry = this.films.get(url);
    if (!entry || (entry.lane === this.ahead && this.ahead.cancel(url))) entry = this.#start(url, this.now);
    entry.wanted += 1;
    this.films.delete(url);
    this.films.set(url, entry);
    return entry.promise;
  }

  // The reader has moved on: a film that still waits and that nobody else wants is not fetched.
  unwant(url) {
    const entry = this.films.get(url);
    if (!entry) return;
    entry.wanted = Math.max(entry.wanted - 1, 0);
    if (!entry.wanted && entry.lane.cancel(url)) this.films.delete(url);
    this.#goAhead();
  }

  // Whether the film is decoded already.
  holds(url) {
    return Boolean(this.films.get(url)?.bytes);
  }

  // Fetch these when there is nothing better to do, nearest first; what waited before and is not among them is dropped.
  wantAhead(urls) {
    for (const url of this.ahead.waiting()) if (this.ahead.cancel(url)) this.films.delete(url);
    this.later = urls;
    this.#goAhead();
  }

  #goAhead() {
    if ([...this.films.values()].some((entry) => entry.lane === this.now && !entry.done)) return;
    for (const url of this.later.splice(0)) if (!this.films.has(url)) this.#start(url, this.ahead);
  }

  #start(url, lane) {
    const entry = { bytes: 0, wanted: 0, done: false, lane, promise: lane.run(url) };
    this.films.set(url, entry);
    entry.promise.then(
      (film) => {
        entry.bytes = film.levels.reduce((sum, level) => sum + level.pixels.byteLength, 0);
        this.#trim(url);
      },
      () => this.films.get(url) === entry && this.films.delete(url), // the next one to want it tries again
    ).finally(() => {
      entry.done = true;
      this.#goAhead();
    });
    return entry;
  }

  #trim(newest) {
    let sum = 0;
    for (const { bytes } of this.films.values()) sum += bytes;
    for (const [url, { bytes }] of this.films) {
      if (sum <= this.limit) return;
      if (!bytes || url === newest) continue;
      this.films.delete(url);
      sum -= bytes;
    }
  }
}

// One film at a time, in a worker where there can be one.
export class Lane {
  constructor() {
    this.queue = [];
    this.running = null;
  }

  run(url) {
    return new Promise((resolve, reject) => {
      this.queue.push({ url, resolve, reject });
      this.#next();
    });
  }

  waiting() {
    return this.queue.map((job) => job.url);
  }

  // True when the film was still waiting; its promise then never settles.
  cancel(url) {
    const before = this.queue.length;
    this.queue = this.queue.filter((job) => job.url !== url);
    return this.queue.length < before;
  }

  #next() {
    if (this.running || !this.queue.length) return;
    const job = (this.running = this.queue.shift());
    this.#decode(job.url).then(job.resolve, job.reject).finally(() => {
      this.running = null;
      this.#next();
    });
  }

  #decode(url) {
    const worker = this.#worker();
    if (!worker) return decode(url);
    return new Promise((resolve, reject) => {
      worker.onmessage = ({ data }) => (data.film ? resolve(data.film) : reject(new Error(data.error)));
      worker.onerror = () => {
        this.worker = null; // the page may forbid workers: decode on its own thread from now on
        resolve(decode(url));
      };
      worker.postMessage({ url });
    });
  }

  #worker() {
    if (this.worker === undefined) {
      try {
        this.worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
      } catch (error) {
        this.worker = null;
      }
    }
    return this.worker;
  }
}
