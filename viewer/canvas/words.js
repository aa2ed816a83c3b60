// The words on the canvas: readout, text on hover, help. Everything enters as text, never as markup.
import { windowText } from "./display.js";
import { labelOf } from "./marks.js";

const KEYS = [
  ["Left drag", "window (right: wider) and level (down: darker)"],
  ["z", "left drag zooms instead, and back"],
  ["m", "left drag measures instead, and back; Escape removes the last ruler"],
  ["Middle or right drag, shift drag", "pan"],
  ["Wheel, + and -", "zoom at the cursor; above 400 % single pixels are shown"],
  ["=", "fit the film to the canvas"],
  ["0 and 9", "one screen pixel per film pixel (1:1), two (2:1); the overview in the corner moves what is in view"],
  ["Space, double click", "fit and first look"],
  ["i", "invert"],
  ["a", "hide or show everything of the AI"],
  ["g", "hide or show the ground truth"],
  ["Right, Down, Page Down", "next film"],
  ["Left, Up, Page Up", "previous film"],
  ["Click", "pick a box; Escape lets go"],
  ["?", "this page"],
];
const TOOLS = { zoom: "left drag zooms (z)", ruler: "left drag measures (m)" };
const SIGNS = [
  ["circle with a tick, TP", "true positive: a detection that finds a ground-truth box"],
  ["cross, FP", "false positive: a detection without a box of its own"],
  ["dashed diamond, FN", "false negative: a ground-truth box that no detection finds"],
  ["solid / dashed outline", "detection, wider the more confident / ground truth"],
  ["thin line", "joins a detection and the box it finds; beside it their IoU"],
];

export function setLines(element, lines) {
  element.replaceChildren(...lines.map((line) => {
    const row = document.createElement("div");
    row.textContent = line;
    return row;
  }));
}

// What hovering a mark tells, first the verdict.
export function tooltipLines(mark) {
  const who = mark.kind === "truth" ? "Ground truth" : "Detection";
  const verdict = {
    TP: "true positive", FP: "false positive", FN: "missed (false negative)",
  }[mark.verdict] ?? (mark.kind === "truth" && mark.pair ? "found" : "");
  const lines = [verdict ? `${who}: ${verdict}` : who];
  if (mark.confidence !== null) lines.push(`confidence ${mark.confidence.toFixed(3)}`);
  if (mark.iou !== null) lines.push(`IoU ${mark.iou.toFixed(3)}`);
  return [...lines, ...mark.details];
}

// One line of numbers; `state` of the canvas, `point` of the film under the pointer or null.
export function readoutLines({ film, look, window: shown, inverted, hidden, tool, view }, point) {
  const name = shown ? "free window" : film.header.looks[look].name;
  const numbers = shown ?? film.header.looks[look].window;
  const parts = [name, numbers ? windowText(numbers) : "", inverted ? "inverted" : "", `${zoomText(view.zoom)}`];
  const lines = [parts.filter(Boolean).join("  ·  ")];
  const off = [hidden.has("detections") ? "AI hidden (a)" : "", hidden.has("truth") ? "ground truth hidden (g)" : "",
    TOOLS[tool]].filter(Boolean);
  if (off.length) lines.unshift(off.join("  ·  "));
  lines.push(point ? valueText(film, point) : " ");
  return lines;
}

function zoomText(zoom) {
  return `${zoom < 0.1 ? (zoom * 100).toFixed(1) : Math.round(zoom * 100)} %`;
}

function valueText({ header, levels, modality }, [x, y]) {
  const index = levels[0].pixels[y * header.width + x];
  const stored = index - header.offset, value = modality[index];
  const other = value === stored ? "" : `  (stored ${stored})`;
  return `x ${x}  y ${y}  value ${Number.isInteger(value) ? value : value.toFixed(2)}${other}`;
}

export function fillHelp(element, film) {
  const looks = (film?.header.looks ?? []).map((look, i) => [`${i + 1}`, `look: ${look.name}`]);
  const steps = film?.header.steps ?? [];
  element.replaceChildren(
    heading("Keys and mouse"), list([...KEYS.slice(0, 7), ...looks, ...KEYS.slice(7)]),
    heading("Signs"), list(SIGNS),
    ...(steps.length ? [heading("How this picture was made"), list(steps.map((step, i) => [`${i + 1}`, step]))] : []),
  );
}

function heading(text) {
  const element = document.createElement("h2");
  element.textContent = text;
  return element;
}

function list(rows) {
  const element = document.createElement("dl");
  for (const [term, meaning] of rows) {
    for (const [name, text] of [["dt", term], ["dd", meaning]]) {
      element.append(Object.assign(document.createElement(name), { textContent: text }));
    }
  }
  return element;
}

// What a screen reader says on arriving at the canvas.
export function spoken(filmId, header, marks, lengths) {
  const boxes = (kind) => marks.filter((mark) => mark.kind === kind);
  const said = boxes("detections").map(labelOf).join(", ");
  return `Film ${filmId}, ${header.width} by ${header.height} pixels. ${boxes("truth").length} ground-truth boxes, ` +
    `${boxes("detections").length} detections${said ? `: ${said}` : ""}. ` +
    `${lengths.map((text) => `Ruler: ${text}. `).join("")}Press question mark for the keys.`;
}
