// Optional looks, computed on the greys of a tile: local contrast (CLAHE) and edge (unsharp mask). Pure functions; a part
// is {x0, y0, x1, y1} of a pyramid level {width, height, pixels}, `words` are as for Picture.paint.

const [GRID, GREYS] = [8, 256];
const CLIP = 2.5; // of the mean count of a grey in a cell: what is above is dealt to all greys alike
const ENOUGH = 512; // pixels of the longer side of the level that cells are counted on
const AMOUNT = 1.5; // of the difference to the surroundings that is added
const REACH = 0.004; // of the film's longer side: the surroundings to each side

// Contrast limited adaptive histogram equalisation (Zuiderveld 1994, Graphics Gems IV, p. 474), with the cells, clipping
// and interpolation of OpenCV's CLAHE: a table of greys for each of 8 x 8 cells of the whole film, Uint8Array(64 * 256).
// `padding` = [low, high] indices do not count, null for none.
export function localTables(levels, words, padding) {
  const { width, height, pixels } = levels.find((level) => Math.max(level.width, level.height) <= ENOUGH) ?? levels.at(-1);
  const counts = new Uint32Array(GRID * GRID * GREYS);
  const [low, high] = padding ?? [1, 0];
  const cells = Uint16Array.from({ length: width }, (_, x) => Math.floor((x * GRID) / width) * GREYS);
  for (let y = 0, i = 0; y < height; y++) {
    const row = Math.floor((y * GRID) / height) * GRID * GREYS;
    for (let x = 0; x < width; x++, i++) {
      const index = pixels[i];
      if (index < low || index > high) counts[row + cells[x] + (words[index] & 255)] += 1;
    }
  }
  const tables = new Uint8Array(counts.length);
  for (let start = 0; start < counts.length; start += GREYS) {
    equalise(counts.subarray(start, start + GREYS), tables.subarray(start, start + GREYS));
  }
  return tables;
}

function equalise(counts, table) {
  const total = counts.reduce((sum, count) => sum + count, 0);
  const limit = Math.max(Math.floor((CLIP * total) / GREYS), 1);
  let over = 0;
  counts.forEach((count, grey) => {
    over += Math.max(count - limit, 0);
    counts[grey] = Math.min(count, limit);
  });
  const share = Math.floor(over / GREYS), rest = over % GREYS, step = rest ? Math.max(Math.floor(GREYS / rest), 1) : 0;
  for (let grey = 0, reached = 0, left = rest; grey < GREYS; grey++) {
    const extra = left && grey % step === 0 ? 1 : 0;
    left -= extra;
    reached += counts[grey] + share + extra;
    table[grey] = total ? Math.min(Math.round((reached * 255) / total), 255) : grey;
  }
}

// Between the tables of the four nearest cells; `greys` Uint8Array of the part, changed in place.
export function localContrast(greys, { x0, y0, x1, y1 }, { width, height }, tables) {
  const across = between(x0, x1, width), down = between(y0, y1, height);
  for (let y = 0, i = 0; y < y1 - y0; y++) {
    const top = down.near[y] * GRID * GREYS, bottom = down.far[y] * GRID * GREYS, share = down.share[y];
    for (let x = 0; x < x1 - x0; x++, i++) {
      const left = across.near[x] * GREYS + greys[i], right = across.far[x] * GREYS + greys[i], part = across.share[x];
      const above = tables[top + left] + (tables[top + right] - tables[top + left]) * part;
      const below = tables[bottom + left] + (tables[bottom + right] - tables[bottom + left]) * part;
      greys[i] = above + (below - above) * share + 0.5;
    }
  }
}

// For each pixel of a side the cells before and behind it, and how far it is towards the second.
function between(start, end, side) {
  const count = end - start;
  const found = { near: new Uint8Array(count), far: new Uint8Array(count), share: new Float64Array(count) };
  for (let i = 0; i < count; i++) {
    const place = ((start + i) * GRID) / side - 0.5, cell = Math.floor(place);
    found.near[i] = Math.max(cell, 0);
    found.far[i] = Math.min(cell + 1, GRID - 1);
    found.share[i] = place - cell;
  }
  return found;
}

// Pixels of level `level` to each side that an edge is told from.
export function reachOf({ width, height }, level) {
  return Math.max(1, Math.round((REACH * Math.max(width, height)) / 2 ** level));
}

// Unsharp mask: each grey moves away from the mean of the square of 2 `reach` + 1 pixels around it; at the borders of the
// tile the last pixel is repeated. `greys` Uint8Array [height, width]; returns a new one.
export function edges(greys, width, height, reach) {
  const sums = rowSums(greys, width, height, reach);
  const columns = new Int32Array(width);
  const row = (y) => Math.min(Math.max(y, 0), height - 1) * width;
  for (let y = -reach; y <= reach; y++) {
    for (let x = 0, from = row(y); x < width; x++) columns[x] += sums[from + x];
  }
  const out = new Uint8ClampedArray(greys.length), scale = 1 / (2 * reach + 1) ** 2;
  for (let y = 0, i = 0; y < height; y++) {
    const gone = row(y - reach), next = row(y + reach + 1);
    for (let x = 0; x < width; x++, i++) {
      out[i] = greys[i] + AMOUNT * (greys[i] - columns[x] * scale);
      columns[x] += sums[next + x] - sums[gone + x];
    }
  }
  return out;
}

function rowSums(greys, width, height, reach) {
  const sums = new Int32Array(greys.length);
  for (let y = 0; y < height; y++) {
    const start = y * width, last = start + width - 1;
    let sum = greys[start] * (reach + 1);
    for (let x = 1; x <= reach; x++) sum += greys[Math.min(start + x, last)];
    for (let i = start, next = start + reach + 1, gone = start - reach; i <= last; i++, next++, gone++) {
      sums[i] = sum;
      sum += greys[next < last ? next : last] - greys[gone > start ? gone : start];
    }
  }
  return sums;
}
