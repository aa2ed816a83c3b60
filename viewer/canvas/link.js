// Canvases that move together: what the reader does to one happens to all of its group, each on its own film.
//
// Places are carried over as shares of the film, so that films of other sizes stay side by side. Windows are carried over
// as they are on the same film, and else as what they are of the film's first look; they can be let go by themselves.
import { carried } from "./geometry.js";

const groups = new Map(); // name -> Set of canvases
const SHARED = ["inverted", "local", "edge", "plain"];

export class Link {
  constructor(canvas) {
    Object.assign(this, { canvas, group: null, window: true, asked: null });
  }

  // `asked` is {group, window} or null, as Python tells it; `window` counts when it is another than before.
  take(asked) {
    const group = asked?.group ?? null;
    if (group !== this.group) {
      this.leave();
      if (group !== null) groups.set(group, (groups.get(group) ?? new Set()).add(this.canvas));
      this.group = group;
    }
    if (asked && asked.window !== this.asked) this.window = asked.window;
    this.asked = asked ? asked.window : null;
  }

  leave() {
    groups.get(this.group)?.delete(this.canvas);
    this.group = null;
  }

  // The others of the group, whether they show a film or not.
  get others() {
    return [...(groups.get(this.group) ?? [])].filter((each) => each !== this.canvas);
  }

  // A canvas that has come later shows what the others do.
  adopt() {
    const peer = this.others.find((each) => each.film);
    peer?.link.move();
    peer?.link.bright();
  }

  move() {
    const { view, picture, film, dragging, hurry } = this.canvas;
    for (const peer of this.#peers()) {
      const seen = carried(view, picture.canvas, film.levels[0], peer.picture.canvas, peer.film.levels[0]);
      Object.assign(peer, { view: seen, dragging, hurry });
      peer.draw();
    }
  }

  bright() {
    if (!this.window) return;
    const { canvas } = this;
    for (const peer of this.#peers()) {
      const shared = Object.fromEntries(SHARED.map((name) => [name, canvas[name]]));
      Object.assign(peer, shared, { dragging: canvas.dragging, words: null });
      Object.assign(peer, peer.address.url === canvas.address.url ? { look: canvas.look, window: canvas.window }
        : this.#alike(peer));
      peer.draw(true);
    }
  }

  // The drag has ended.
  settle() {
    for (const peer of this.#peers()) {
      Object.assign(peer, { dragging: false, hurry: false, coarse: 0 });
      peer.draw();
    }
  }

  toggleWindow() {
    const window = !this.window;
    for (const each of [this.canvas, ...this.others]) {
      each.link.window = window;
      each.draw();
    }
    this.bright();
  }

  #peers() {
    return this.others.filter((each) => each.film && each.view);
  }

  // Look and window for another film: the look of the same name, the window as it is to the first look's.
  #alike(peer) {
    const { canvas } = this, { name } = canvas.manner.looks[canvas.look];
    const look = Math.max(peer.manner.looks.findIndex((each) => each.name === name), 0);
    if (!canvas.window) return { look, window: null };
    const mine = canvas.hand.windowOf(0), its = peer.hand.windowOf(0), scale = its.width / mine.width;
    const center = its.center + (canvas.window.center - mine.center) * scale;
    return { look, window: { ...canvas.window, center, width: Math.max(canvas.window.width * scale, 1) } };
  }
}
