// One listener for the whole page while at least one canvas is mounted; keys go to the canvas that was used last.
import * as headings from "./headings.js";

const STEPS = { ArrowRight: 1, ArrowDown: 1, PageDown: 1, ArrowLeft: -1, ArrowUp: -1, PageUp: -1 };
const LETTERS = { n: 1, p: -1 }; // steps that no slider or list needs itself
const ACTIONS = {
  " ": "reset", i: "invert", z: "tool", a: "ai", "?": "help", Escape: "escape", "=": "fit",
  "+": "closer", "-": "farther", 0: "single", 9: "double", m: "ruler", w: "unlink",
  v: "vendor", l: "local", e: "edge", x: "box", Delete: "remove", Backspace: "remove",
};

// Elements that need keys of their own when they have the focus, and which; whatever one writes in needs them all.
const PRESSES = new Set([" ", "Enter"]);
const MOVES = new Set([...Object.keys(STEPS), ...PRESSES, "Home", "End", "Escape", "Tab", "+", "-", "="]);
const WRITING = "input, textarea, select, [contenteditable=''], [contenteditable=true], [role=textbox], [role=combobox]";
const MOVING =
  "input[type=range], input[type=radio], [role=slider], [role=spinbutton], [role=grid], [role=listbox], [role=option], " +
  "[role=menu], [role=menuitem], [role=tab], [role=radio], [role=tree], [role=dialog], canvas[tabindex], iframe";
const PRESSING = "button, a[href], summary, input, [role=button], [role=checkbox], [role=switch]";
const NOT_WRITTEN_IN = new Set(["range", "checkbox", "radio", "button", "submit", "color", "file"]);

const mounted = []; // the one used last at the end

export function mount(canvas) {
  if (!mounted.length) {
    document.addEventListener("keydown", onKey);
    headings.listen();
  }
  use(canvas);
}

export function unmount(canvas) {
  const place = mounted.indexOf(canvas);
  if (place >= 0) mounted.splice(place, 1);
  if (mounted.length) return;
  document.removeEventListener("keydown", onKey);
  headings.leave();
}

export function use(canvas) {
  const place = mounted.indexOf(canvas);
  if (place >= 0) mounted.splice(place, 1);
  mounted.push(canvas);
}

// What a key means: {step} films on, or {action} of the canvas; null when it means nothing here. The keys of layers are
// the canvas's to know.
export function meaning(key) {
  if (Object.hasOwn(STEPS, key)) return { step: STEPS[key] };
  if (/^[1-5]$/.test(key)) return { action: "look", number: Number(key) - 1 };
  const name = key.length === 1 ? key.toLowerCase() : key;
  if (Object.hasOwn(LETTERS, name)) return { step: LETTERS[name] };
  return Object.hasOwn(ACTIONS, name) ? { action: ACTIONS[name] } : null;
}

// True when the focused element needs this key itself.
export function belongsTo(target, key) {
  if (!target?.closest) return false;
  if (target.closest(".film")) return PRESSES.has(key) && Boolean(target.closest("button"));
  const writing = target.closest(WRITING);
  if (writing && !(writing.localName === "input" && NOT_WRITTEN_IN.has(writing.type))) return true;
  if (MOVES.has(key) && target.closest(MOVING)) return true;
  return PRESSES.has(key) && Boolean(target.closest(PRESSING));
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (event.shiftKey && /^[a-z]$/i.test(event.key)) return; // letters with Shift are the page's
  const canvas = mounted.at(-1);
  const wanted = meaning(event.key) ?? canvas.layerOf(event.key.toLowerCase());
  if (!wanted || belongsTo(event.composedPath()[0], event.key)) return;
  if (canvas.press(wanted, event.repeat)) event.preventDefault();
}
