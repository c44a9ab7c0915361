// What is chosen to be seen, which is in the URL: a bookmark keeps it, and the way back leads back.

import { WINDOWS, plain } from "./format.js";
import { at, el, keyed, say, set } from "./dom.js";

const PARTS = ["product", "region", "channel", "category", "customer"];

export class Choosing {
  constructor(onChange) {
    this.onChange = onChange;
    this.names = new Map();
    WINDOWS.forEach((window_, number) => {
      const button = el(
        "button",
        { type: "button", "data-window": window_, title: `Key ${number + 1}` },
        window_ === "today" ? "Today" : window_,
      );
      button.addEventListener("click", () => this.change({ window: window_ }));
      at("windows").append(button);
    });
    let waiting;
    at("text").addEventListener("input", () => {
      clearTimeout(waiting);
      waiting = setTimeout(() => this.change({ text: at("text").value.trim() }), 300);
    });
    addEventListener("popstate", () => this.read());
    this.read(false);
  }

  read(tell = true) {
    const given = new URLSearchParams(location.search),
      window_ = given.get("window");
    this.chosen = { window: WINDOWS.includes(window_) ? window_ : "15m" };
    for (const part of [...PARTS, "text"]) if (given.get(part)) this.chosen[part] = given.get(part).slice(0, 200);
    at("text").value = this.chosen.text ?? "";
    this.draw();
    if (tell) this.onChange();
  }

  get query() {
    return new URLSearchParams(this.chosen).toString();
  }

  change(wanted) {
    const next = Object.fromEntries(Object.entries({ ...this.chosen, ...wanted }).filter(([, value]) => value));
    if (JSON.stringify(next) === JSON.stringify(this.chosen)) return;
    this.chosen = next;
    history.pushState(null, "", `?${this.query}`);
    this.draw();
    this.onChange();
  }

  /** A click on a row: choose it, or take it back if it is chosen. */
  toggle(part, key, name) {
    this.names.set(`${part} ${key}`, name);
    this.change({ [part]: this.chosen[part] === key ? null : key });
  }

  all() {
    at("text").value = "";
    this.change(Object.fromEntries([...PARTS, "text"].map((part) => [part, null])));
  }

  /** Learn what the chosen ids are called. */
  learn(board) {
    for (const [part, slices] of [
      ["product", board.products],
      ["customer", board.top_customers],
    ]) {
      const found = slices.find((slice) => slice.key === this.chosen[part]);
      if (found) this.names.set(`${part} ${found.key}`, found.name || found.key);
    }
    const shelf = board.shelves.find((each) => each.product_id === this.chosen.product);
    if (shelf) this.names.set(`product ${shelf.product_id}`, shelf.name || shelf.product_id);
    this.draw();
  }

  draw() {
    for (const button of at("windows").children)
      set(button, { "aria-pressed": String(button.dataset.window === this.chosen.window) });
    const asked = PARTS.filter((part) => this.chosen[part]);
    keyed(
      at("chips"),
      asked,
      (part) => part,
      (part) => {
        const chip = el(
          "button",
          { type: "button", class: "chip", title: "Show all again" },
          el("span"),
          el("span", { "aria-hidden": "true" }, "\u2715"),
          el("span", { class: "hidden" }, ", show all again"),
        );
        chip.addEventListener("click", () => this.change({ [part]: null }));
        return chip;
      },
      (chip, part) =>
        say(
          chip.firstElementChild,
          `${part}: ${plain(this.names.get(`${part} ${this.chosen[part]}`) ?? this.chosen[part])}`,
        ),
    );
  }
}
