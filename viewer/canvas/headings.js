// The names of the list's columns sort it. Over the right 30 pixels of a name, which is all of a narrow column, Streamlit's
// table opens a menu instead, and what that sorts is not what next and previous follow; so a press on a name is handed on
// at the name's upper edge, which the menu leaves free.
const LIST = ".st-key-list", HIGH = 2.1; // rem; the names are a little higher
const EVENTS = ["pointerdown", "pointerup", "click"];
const handedOn = new WeakSet();

export function listen() {
  for (const name of EVENTS) document.addEventListener(name, handOn, true);
}

export function leave() {
  for (const name of EVENTS) document.removeEventListener(name, handOn, true);
}

function handOn(event) {
  const { target } = event, table = target.closest(LIST)?.querySelector("canvas");
  if (!table || handedOn.has(event)) return;
  const { top } = table.getBoundingClientRect(), rem = Number.parseFloat(getComputedStyle(document.documentElement).fontSize);
  if (event.clientY < top || event.clientY >= top + HIGH * rem) return;
  const { type, clientX, button, buttons, detail, pointerId, pointerType, isPrimary, ctrlKey, shiftKey, altKey, metaKey } = event;
  const other = new PointerEvent(type, {
    clientX, clientY: top + 0.25, button, buttons, detail, pointerId, pointerType, isPrimary, ctrlKey, shiftKey, altKey, metaKey,
    view: window, bubbles: true, cancelable: true, composed: true,
  });
  handedOn.add(other);
  event.stopImmediatePropagation();
  if (!target.dispatchEvent(other)) event.preventDefault();
}
