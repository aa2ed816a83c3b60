// The next film on the screen before Python has answered: it is decoded already, only its boxes have still to come.
//
// Until the answer comes the canvas shows that film alone, in the state "foreseen", and messages about the film from
// before are passed over, so that no box of one film is ever drawn on another.

const PATIENCE = 3000; // ms without an answer after which any message counts again

export class Foresight {
  constructor() {
    Object.assign(this, { ahead: [], left: null, serial: 0, since: 0 });
  }

  // The films to come as Python tells them: [{by, film}].
  take(ahead) {
    this.ahead = ahead;
  }

  // The film `by` steps on, null when it is not among those to come or another answer is waited for.
  film(by) {
    return this.waits ? null : this.ahead.find((each) => each.by === by)?.film ?? null;
  }

  // From now on the answer to the step `serial` is waited for, away from the film with the id `left`.
  wait(left, serial) {
    Object.assign(this, { left, serial, since: performance.now() });
  }

  get waits() {
    return this.left !== null;
  }

  // Whether a message is passed over, since it is about the film from before and no answer; any other ends the waiting.
  passesOver({ film, heard, problem }) {
    if (!this.waits) return false;
    const late = heard < this.serial && !problem && film?.id === this.left && performance.now() - this.since < PATIENCE;
    if (!late) this.left = null;
    return late;
  }
}
