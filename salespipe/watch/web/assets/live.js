// The way to the server: each event is heard or missed, and a silence is told.

const SILENT = 5,
  OLD = 15,
  AGAIN = 3000;

export class Live {
  /** `onSnapshot(snapshot)` for each that comes; `onState(state, seconds)` about once a second. */
  constructor(onSnapshot, onState) {
    this.onSnapshot = onSnapshot;
    this.onState = onState;
    this.heard = this.drawn = performance.now();
    this.ever = false;
    this.ended = false;
    setInterval(() => this.tell(), 1000);
  }

  open(query) {
    clearTimeout(this.again);
    this.source?.close();
    const source = new EventSource(`/events?${query}`);
    this.source = source;
    source.addEventListener("snapshot", (event) => {
      this.hear();
      this.drawn = this.heard;
      this.ever = true;
      this.onSnapshot(JSON.parse(event.data));
      this.tell();
    });
    source.addEventListener("beat", () => this.hear());
    source.addEventListener("end", () => {
      this.ended = true;
      this.tell();
    });
    source.addEventListener("error", () => {
      this.broken = true;
      // A browser tries again by itself after a broken connection, and never after a refusal.
      if (source.readyState === EventSource.CLOSED) this.again = setTimeout(() => this.open(query), AGAIN);
      this.tell();
    });
  }

  hear() {
    this.heard = performance.now();
    this.broken = this.ended = false;
  }

  tell() {
    const silent = (performance.now() - this.heard) / 1000,
      old = (performance.now() - this.drawn) / 1000;
    if (this.ended) this.onState("ended", silent);
    else if (this.broken || silent > SILENT) this.onState(this.ever ? "lost" : "unreached", silent);
    else if (!this.ever) this.onState("connecting", silent);
    else if (old > OLD) this.onState("old", old);
    else this.onState("live", old);
  }
}
