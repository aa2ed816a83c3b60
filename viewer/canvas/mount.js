// All that travels with every message of Streamlit: fetches the canvas's modules once and hands each update on.
const last = new WeakMap(); // mount point -> number of its newest update

export default function (component) {
  const place = component.parentElement;
  const turn = (last.get(place) ?? 0) + 1;
  last.set(place, turn);
  const canvas = import(new URL(component.data.module, document.baseURI).href);
  canvas.then((module) => last.get(place) === turn && module.show(component)).catch((error) => {
    const message = place.querySelector(".message");
    if (message) message.textContent = `The film canvas could not be loaded (${error.message}): reload the page.`;
  });
  // Streamlit also calls this for an update that was overtaken while it loaded: only the newest one may unmount.
  return () => last.get(place) === turn && canvas.then((module) => module.leave(place), () => {});
}
