// What follows a slider under the finger: the server is asked for all of it at once, one question at a time and always
// for the newest value, so updates come as fast as they are computed and the last value is the one that stays.
//
// Followers are canvases, and elements of the page with the attribute data-live; both name the address to ask. What
// Python says in the meantime stands: an answer to a question from before it is dropped.
const PATIENCE = 10_000; // ms

// Lets `ask(wish)`, a promise, run once at a time, each time for the newest wish.
export class Pursuit {
  constructor(ask) {
    Object.assign(this, { ask, next: null, run: null });
  }

  // A promise that holds when nothing is left to be asked.
  want(wish) {
    this.next = wish;
    this.run ??= this.#go();
    return this.run;
  }

  async #go() {
    while (this.next) {
      const now = this.next;
      this.next = null;
      await this.ask(now);
    }
    this.run = null;
  }
}

const canvases = new Set(); // {live: address or "", turn: changes with what Python says, follow(answer)}
let pursuit = null;

// From now on `canvas` follows; gives the function that ends it.
export function enlist(canvas) {
  if (!pursuit) {
    pursuit = new Pursuit(ask);
    document.addEventListener("groundglass-live", ({ detail }) => { detail.answered = pursuit.want(detail); });
  }
  canvases.add(canvas);
  return () => canvases.delete(canvas);
}

async function ask({ setting, value }) {
  const elements = [...document.querySelectorAll("[data-live]")].map(follower);
  const asked = [...canvases, ...elements].filter((each) => each.live);
  if (!asked.length) return;
  const turns = asked.map((each) => each.turn);
  const answers = await told(asked, setting, value);
  asked.forEach((each, place) => {
    if (answers?.[place] && each.turn === turns[place]) each.follow(answers[place]);
  });
}

// An element whose HTML Python has given, as a follower.
function follower(element) {
  return {
    live: element.dataset.live,
    get turn() {
      return element.isConnected && element.dataset.turn;
    },
    follow({ html }) {
      element.innerHTML = html;
    },
  };
}

// One answer a follower, null for those that have none; null when the server cannot be reached.
async function told(asked, setting, value) {
  const [first, ...others] = asked.map((each) => each.live);
  const tokens = others.map((each) => `~${each.split("/").at(-1)}`).join("");
  const address = new URL(`${first}${tokens}?${new URLSearchParams({ setting, value })}`, document.baseURI);
  try {
    const response = await fetch(address, { signal: AbortSignal.timeout(PATIENCE) });
    return response.ok ? await response.json() : null;
  } catch {
    return null; // Python tells the value at which the slider is let go all the same
  }
}
