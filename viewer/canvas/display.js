// Stored values to grey levels: the tables of 65,536 entries between a film's indices and the screen. Pure functions.

// VOI output 0..1 of a modality value, PS3.3 C.11.2.1.2 and C.11.2.1.3, in the order of operations of core.display.
const VOI = {
  LINEAR: (center, width) => (value) => width === 1 ? Number(value > center - 0.5) : (value - (center - 0.5)) / (width - 1) + 0.5,
  LINEAR_EXACT: (center, width) => (value) => (value - center) / width + 0.5,
  SIGMOID: (center, width) => (value) => 1 / (1 + Math.exp(-4 * ((value - center) / width))),
};

// Grey levels of the window {center, width, function}; `padding` = [low, high] indices stay black.
export function windowTable(modality, { center, width, function: name }, inverted, padding = null) {
  const table = new Uint8Array(modality.length);
  const voi = VOI[name](center, width);
  for (let i = 0; i < table.length; i++) {
    const grey = Math.floor(Math.min(Math.max(voi(modality[i]), 0), 1) * 255 + 0.5);
    table[i] = inverted ? 255 - grey : grey;
  }
  if (padding) table.fill(0, padding[0], padding[1] + 1);
  return table;
}

// The window that spans the greys `table` gives to `pixels`: for looks without one of their own (VOI LUT sequence).
export function windowOfTable(table, modality, pixels) {
  let low = Infinity, high = -Infinity;
  for (const index of pixels) {
    if (table[index] === 0 || table[index] === 255) continue;
    low = Math.min(low, modality[index]);
    high = Math.max(high, modality[index]);
  }
  if (!(low < high)) [low, high] = low === high ? [low - 0.5, low + 0.5] : [0, 1];
  return { center: (low + high) / 2, width: high - low, function: "LINEAR_EXACT" };
}

// Window after a drag of `dx`, `dy` CSS pixels: right widens, down raises the level; `span` is crossed in 500 pixels.
export function dragged(window, dx, dy, span) {
  const step = span / 500, least = window.function === "LINEAR" ? 1 : span / 5000;
  return { ...window, center: window.center + dy * step, width: Math.max(least, window.width + dx * step) };
}

// Grey table -> opaque RGBA words for an ImageData; when `inverted`, light and dark change places, padding stays black.
export function screenTable(table, inverted, padding = null) {
  const words = new Uint32Array(table.length);
  for (let i = 0; i < table.length; i++) {
    const grey = inverted ? 255 - table[i] : table[i];
    words[i] = 0xff000000 | (grey << 16) | (grey << 8) | grey;
  }
  if (padding) words.fill(0xff000000, padding[0], padding[1] + 1);
  return words;
}

// Level and numbers as radiologists read them: no more digits than the width deserves.
export function windowText({ center, width }) {
  const digits = width < 10 ? 2 : 0;
  return `W ${width.toFixed(digits)}  L ${center.toFixed(digits)}`;
}
