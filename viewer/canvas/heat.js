// What classifiers looked at, laid over the film: fetched when it is asked for, coarse cells drawn smoothly.
//
// Tells `changed` when there is something new to draw or to say. Knows nothing of boxes.

const TINT = [235, 70, 215]; // of no box; films are grey
const OPACITY = 0.55; // where the network drew on most
const KEPT = 60; // maps

const maps = new Map(); // url -> {grid, title, probability}, of all canvases of this page

export class Heat {
  constructor(changed) {
    Object.assign(this, { changed, url: null, cells: null, words: null, problem: "" });
  }

  // `asked` is {url, name, problem} or null, as Python tells it.
  async take(asked) {
    const url = asked && (asked.url || asked.problem);
    if (url === this.url) return;
    this.abort?.abort();
    Object.assign(this, { url, cells: null, words: asked?.name ?? null, problem: asked?.problem ?? "", abort: null });
    if (!asked?.url) return;
    const abort = (this.abort = new AbortController());
    try {
      const map = maps.get(url) ?? (await fetched(url, abort.signal));
      if (this.abort === abort) this.#show(url, map);
    } catch (error) {
      if (this.abort !== abort) return;
      this.problem = `No heat map: ${error.message}`;
      this.url = null; // the next time it is asked for it is tried again
    }
    if (this.abort === abort) this.changed();
  }

  #show(url, map) {
    maps.delete(url);
    maps.set(url, map);
    if (maps.size > KEPT) maps.delete(maps.keys().next().value);
    this.cells = cellsOf(map.grid);
    this.words = `${map.title} (p ${map.probability.toFixed(2)})`;
  }

  // Under what is on `context` already: `film` {width, height} in view.
  paint(context, view, film) {
    if (!this.cells) return;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.globalCompositeOperation = "destination-over";
    context.imageSmoothingEnabled = true;
    context.imageSmoothingQuality = "high";
    context.drawImage(this.cells, -view.x * view.zoom, -view.y * view.zoom, film.width * view.zoom, film.height * view.zoom);
    context.globalCompositeOperation = "source-over";
  }

  legend() {
    const name = this.problem || this.words;
    return name ? [{ kind: "heat", name, problem: Boolean(this.problem) }] : [];
  }
}

async function fetched(url, signal) {
  const response = await fetch(url, { signal });
  if (!response.ok) throw new Error(await response.text());
  return response.json();
}

// A picture of one pixel for each cell, as opaque as the cell is strong.
function cellsOf(grid) {
  const picture = document.createElement("canvas");
  Object.assign(picture, { width: grid[0].length, height: grid.length });
  const context = picture.getContext("2d"), image = new ImageData(picture.width, picture.height);
  grid.flat().forEach((share, i) => image.data.set([...TINT, Math.round(share * OPACITY * 255)], 4 * i));
  context.putImageData(image, 0, 0);
  return picture;
}
