// The page of the question mark: every key in groups, the signs, and how the picture was made. Text, never markup.
import { brightness } from "./words.js";

const FILMS = [
  ["n, Right, Down, Page Down", "next film"],
  ["p, Left, Up, Page Up", "previous film"],
];
const PLACES = [
  ["Wheel, + and -", "zoom at the cursor; above 400 % single pixels are shown"],
  ["Middle, right or shift drag", "pan; when zoomed, also in the overview"],
  ["=", "fit the film to the canvas"],
  ["0", "1:1, one screen pixel per film pixel"],
  ["9", "2:1, two screen pixels per film pixel"],
  ["Space, double click", "as at first: fitted, first window"],
];
const BRIGHTNESS = [
  ["Left drag", "window (right: wider) and level (down: darker)"],
  ["i", "invert"],
  ["l", "local contrast (CLAHE); what is on is named on the film"],
  ["e", "edge (unsharp mask)"],
  ["v", "leave out the maker's VOI LUT and presentation LUT, for films they spoil"],
];
const TOOLS = [
  ["z", "left drag zooms, or windows again"],
  ["m", "left drag measures, or windows again; Escape removes the last ruler"],
  ["x", "in a blinded first read and in the tab Review: left drag draws a box; in a first read Delete removes the one clicked, or the last"],
  ["Click", "pick a box; Escape lets go"],
  ["?", "this page; Escape closes it"],
];
const SIGNS = [
  ["circle with a tick, TP", "true positive: a detection that finds a ground-truth box"],
  ["cross, FP", "false positive: a detection without a box of its own"],
  ["dashed diamond, FN", "false negative: a ground-truth box that no detection finds"],
  ["solid / dashed outline", "detection, wider the more confident / ground truth"],
  ["dash and dot", "a box that a reader drew, because truth lacks it or is off"],
  ["thin line", "joins a detection and the box it finds; beside it their IoU"],
];

// `state` of the canvas, with or without a film.
export function fillHelp(element, state) {
  const layers = state.layers.kinds.map(({ key, name }) => [key, `hide or show: ${name.toLowerCase()}`]);
  const groups = [
    ["Films", FILMS], ["Zoom", PLACES], ["Brightness", [...presets(state), ...BRIGHTNESS]],
    ["Layers", [["a", "hide or show everything of the AI"], ["w", "let the windows of films side by side go, and link them again"], ...layers]], ["Tools", TOOLS], ["Signs", SIGNS],
  ];
  if (state.film) groups.push(["How this picture was made", madeOf(state).map((step, i) => [`${i + 1}`, step])]);
  const columns = Object.assign(document.createElement("div"), { className: "columns" });
  columns.append(...groups.map(([name, rows]) => group(name, rows)));
  element.replaceChildren(columns);
}

function presets({ film, manner }) {
  if (!film) return [];
  return manner.presets.map((places, i) => [`${i + 1}`, places.map((place) => manner.looks[place].name).join(", again: ")]);
}

// The steps from the file to the first picture, and what the reader has made of it.
function madeOf(state) {
  return [...state.manner.steps, `On the screen: ${brightness(state).join(", ")}.`];
}

function group(name, rows) {
  const section = document.createElement("section"), rowList = document.createElement("dl");
  section.append(Object.assign(document.createElement("h2"), { textContent: name }), rowList);
  for (const [term, meaning] of rows) {
    for (const [tag, text] of [["dt", term], ["dd", meaning]]) {
      rowList.append(Object.assign(document.createElement(tag), { textContent: text }));
    }
  }
  return section;
}
