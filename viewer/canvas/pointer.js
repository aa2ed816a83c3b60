// The mouse and the pen on a canvas: left drag = window and level, zoom or ruler, middle, right or shift drag = pan, wheel = zoom at the cursor,
// click = pick, double click = reset. Positions go to `hand` in CSS pixels from the canvas's top left corner.

const STILL = 3; // CSS pixels a click may move

export function watchPointer(root, hand) {
  let drag = null;
  const at = (event) => {
    const frame = root.getBoundingClientRect();
    return [event.clientX - frame.left, event.clientY - frame.top];
  };
  const onCanvas = (event) => !event.target.closest?.(".help, .tools, .minimap");

  root.onpointerdown = (event) => {
    if (!onCanvas(event)) return;
    root.focus({ preventScroll: true });
    root.setPointerCapture(event.pointerId);
    const pan = event.button === 1 || event.button === 2 || event.shiftKey;
    drag = { from: at(event), x: event.clientX, y: event.clientY, pan, left: event.button === 0, moved: 0 };
    event.preventDefault(); // no text selection, no automatic scrolling by the middle button
  };
  root.onpointermove = (event) => {
    if (!drag) return hand.hover(...at(event));
    const dx = event.clientX - drag.x, dy = event.clientY - drag.y;
    drag.moved += Math.abs(dx) + Math.abs(dy);
    if (drag.moved <= STILL) return undefined;
    Object.assign(drag, { x: event.clientX, y: event.clientY });
    return drag.pan ? hand.pan(dx, dy) : hand.drag(dx, dy, drag.from, at(event));
  };
  root.onpointerup = (event) => {
    if (drag?.left && drag.moved <= STILL) hand.pick(...at(event));
    if (drag && drag.moved > STILL) hand.rest();
    drag = null;
  };
  root.onpointercancel = root.onlostpointercapture = () => {
    if (drag && drag.moved > STILL) hand.rest();
    drag = null;
  };
  root.onpointerleave = () => drag || hand.hover(null, null);
  root.onpointerenter = () => hand.enter();
  root.ondblclick = (event) => onCanvas(event) && hand.reset();
  root.oncontextmenu = (event) => event.preventDefault();
  root.addEventListener("wheel", (event) => {
    if (!onCanvas(event)) return;
    event.preventDefault();
    const lines = event.deltaMode === 1 ? 33 : event.deltaMode === 2 ? 300 : 1;
    const turn = Math.min(Math.max(event.deltaY * lines, -240), 240);
    hand.wheel(Math.exp(-turn * 0.0018), ...at(event));
  }, { passive: false });
}
