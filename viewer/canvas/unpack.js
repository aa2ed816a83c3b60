// A film's body (see payload.py) to pixels the canvas can draw. Pure functions of bytes: no page, no network.

const INDICES = 65536;
const MAGIC = "GGF1";

// ArrayBuffer -> {header, manners, modality: Float64Array(65536), levels: [{width, height, pixels}]}; the header's
// "padding" becomes [low, high] of indices. `manners` are the ways to show the film, as its header says and, where that
// differs, without the tables of its maker: [{inverted, looks, presets, steps, tables: [Uint8Array(65536)]}].
export function unpack(buffer) {
  const bytes = new Uint8Array(buffer);
  const text = new TextDecoder();
  if (bytes.length < 8 || text.decode(bytes.subarray(0, 4)) !== MAGIC) throw new Error("it is not a film of this viewer");
  let start = 8 + new DataView(buffer).getUint32(4, true);
  const header = JSON.parse(text.decode(bytes.subarray(8, start)));
  const tables = [];
  for (let i = 0; i < header.tables; i++, start += INDICES) tables.push(bytes.slice(start, start + INDICES));
  const modality = new Float64Array(INDICES);
  if (header.modality) {
    const [slope, intercept] = header.modality;
    for (let i = 0; i < INDICES; i++) modality[i] = slope * (i - header.offset) + intercept;
  } else {
    modality.set(new Float32Array(buffer.slice(start, start + 4 * INDICES)));
    start += 4 * INDICES;
  }
  const { width, height } = header;
  if (header.padding) {
    const last = INDICES - 1; // as indices from here on; what no pixel can store is cut off
    header.padding = header.padding.map((value) => Math.min(Math.max(value + header.offset, 0), last));
  }
  if (bytes.length !== start + width * height * header.bytes) throw new Error("it is cut short");
  const pixels = undelta(bytes.subarray(start), width, height, header.bytes);
  return { header, manners: mannersOf(header, tables), modality, levels: pyramid({ width, height, pixels }) };
}

function mannersOf(header, tables) {
  const { inverted, looks, presets, steps, plain } = header;
  const first = { inverted, looks, presets, steps, tables: tables.slice(0, looks.length) };
  return plain ? [first, { ...plain, tables: tables.slice(looks.length) }] : [first];
}

// Byte planes of zigzag horizontal differences -> indices, Uint16Array(width * height).
export function undelta(planes, width, height, bytesPerPixel) {
  const count = width * height;
  const pixels = new Uint16Array(count);
  const mask = bytesPerPixel === 1 ? 255 : 65535;
  for (let y = 0, i = 0; y < height; y++) {
    let value = 0;
    for (const end = i + width; i < end; i++) {
      const code = mask === 255 ? planes[i] : planes[i] | (planes[count + i] << 8);
      value = (value + ((code >>> 1) ^ -(code & 1))) & mask;
      pixels[i] = value;
    }
  }
  return pixels;
}

// The level and its halves by box filter, until the longer side is at most `smallest`.
export function pyramid(level, smallest = 256) {
  const levels = [level];
  while (Math.max(level.width, level.height) > smallest) levels.push((level = halve(level)));
  return levels;
}

// Mean of 2 x 2 pixels, rounded half up; at an odd edge the last column or row counts twice.
export function halve({ width, height, pixels }) {
  const w = (width + 1) >> 1, h = (height + 1) >> 1;
  const half = new Uint16Array(w * h);
  for (let y = 0, o = 0; y < h; y++) {
    const top = 2 * y * width;
    const bottom = 2 * y + 1 < height ? top + width : top;
    for (let x = 0; x < w; x++, o++) {
      const left = 2 * x, right = left + 1 < width ? left + 1 : left;
      half[o] = (pixels[top + left] + pixels[top + right] + pixels[bottom + left] + pixels[bottom + right] + 2) >> 2;
    }
  }
  return { width: w, height: h, pixels: half };
}
