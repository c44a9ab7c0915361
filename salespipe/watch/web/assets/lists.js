// Rows of what was sold: each product, region, channel, category and customer can be chosen by its row.

import { NONE, change, clock, compact, count, money, plain } from "./format.js";
import { el, keyed, say, set } from "./dom.js";

const revenue = (sales) => Number(sales.revenue);

/** How a figure moved, for the eye and for the ear; `tone` tells that more is worse. */
export function delta(node, moved, worse = false) {
  if (!node.firstElementChild) node.append(el("span", { "aria-hidden": "true" }), el("span", { class: "hidden" }));
  say(node.children[0], moved?.text ?? "");
  say(node.children[1], moved ? `, ${moved.spoken}` : "");
  const good = moved && moved.direction !== "same" && (moved.direction === "up") !== worse;
  set(node, {
    class: "delta",
    "data-tone": moved ? (moved.direction === "same" ? "same" : good ? "good" : "bad") : null,
  });
}

// As in page.css: there is no scrolling on a wall.
const WALL = matchMedia("(min-width:106rem) and (min-height:58rem)");

/** How many rows to draw: `most`, and on a wall as many as there is room for. */
function rows(list, most) {
  const row = list.children[1] ?? list.firstElementChild; // the first one has no line above it
  if (!WALL.matches || !row) return most;
  const gap = parseFloat(getComputedStyle(list).rowGap) || 0;
  return Math.max(1, Math.floor((list.clientHeight + gap) / (row.offsetHeight + gap)));
}

function empty(list, items, text) {
  set(list, { "data-empty": items.length ? null : text });
}

function row(part, onChoose) {
  const button = el(
    "button",
    { type: "button", class: "row" },
    el("span", { class: "name" }),
    el("span", { class: "n value" }),
    el("span", { class: "delta" }),
    el("span", { class: "track", "aria-hidden": "true" }, el("i", { class: "bar" }), el("i", { class: "tick" })),
  );
  const item = el("li", {}, button);
  button.addEventListener("click", () => onChoose(part, item.dataset.key, button.querySelector(".name").textContent));
  return item;
}

function named(item, slice, chosen) {
  const button = item.firstElementChild,
    name = plain(slice.name || slice.key);
  say(button.children[0], name);
  set(button.children[0], { title: name });
  set(button, { "aria-pressed": chosen === slice.key ? "true" : "false" });
  return button.children;
}

/** Bars of revenue; a small mark in the track is the window before. */
export function bars(list, slices, most, { part, chosen, compare, onChoose }) {
  const shown = slices.slice(0, rows(list, most));
  const top =
    Math.max(...shown.map((slice) => Math.max(revenue(slice.sales), compare ? revenue(slice.before) : 0)), 0) || 1;
  keyed(
    list,
    shown,
    (slice) => slice.key,
    () => row(part, onChoose),
    (item, slice) => {
      const [, value, moved, track] = named(item, slice, chosen);
      say(value, money(slice.sales.revenue));
      delta(moved, compare ? change(revenue(slice.sales), revenue(slice.before)) : null);
      track.children[0].style.width = `${Math.max(0, (100 * revenue(slice.sales)) / top)}%`;
      const mark = compare && revenue(slice.before) > 0;
      track.children[1].hidden = !mark;
      if (mark) track.children[1].style.left = `${(100 * revenue(slice.before)) / top}%`;
    },
  );
  set(list, { "data-bare": list.querySelector(".delta[data-tone]") ? null : "" });
  empty(list, shown, "Nothing sold in this window");
}

/** What moved most, first: bars to the right for more, to the left for less. */
export function movers(list, slices, most, { chosen, compare, onChoose }) {
  const moved = (slice) => revenue(slice.sales) - revenue(slice.before);
  const shown = compare ? slices.filter((slice) => moved(slice) !== 0).slice(0, rows(list, most)) : [];
  const top = Math.max(...shown.map((slice) => Math.abs(moved(slice))), 0) || 1;
  keyed(
    list,
    shown,
    (slice) => slice.key,
    () => {
      const item = row("product", onChoose);
      item.firstElementChild.classList.add("mover");
      return item;
    },
    (item, slice) => {
      const [, value, percent, track] = named(item, slice, chosen),
        by = moved(slice),
        bar = track.children[0];
      say(value, `${by > 0 ? "+" : "\u2212"}${money(Math.abs(by))}`);
      const change_ = change(revenue(slice.sales), revenue(slice.before));
      delta(percent, change_ ?? { text: "new", spoken: "not sold before", direction: "up" });
      set(track, { "data-tone": by > 0 ? "good" : "bad" });
      track.children[1].hidden = true;
      const size = (50 * Math.abs(by)) / top;
      bar.style.width = `${size}%`;
      bar.style.marginLeft = `${by > 0 ? 50 : 50 - size}%`;
    },
  );
  empty(list, shown, compare ? "Nothing moved" : "Nothing to compare with yet");
}

/** Orders one under the other. With `flash` new ones show that they are, unless most of them are. */
export function orders(list, found, most, flash) {
  const shown = found.slice(0, rows(list, most));
  const there = new Set(Array.from(list.children, (child) => child.dataset.key));
  const fresh = shown.filter((order) => !there.has(order.orderid)).length;
  const flashes = flash && there.size > 0 && fresh <= shown.length / 3;
  keyed(
    list,
    shown,
    (order) => order.orderid,
    () =>
      el(
        "li",
        { class: flashes ? "order fresh" : "order" },
        el("span", { class: "soft n when" }),
        el("span", { class: "name" }),
        el("span", { class: "n value" }),
        el("span", { class: "soft detail" }),
        el("span", { class: "badge" }),
      ),
    (item, order) => {
      const [when, name, value, detail, status] = item.children;
      const what = `${order.units > 1 ? `${count(order.units)} \u00d7 ` : ""}${plain(order.product)}`;
      say(when, clock(order.at));
      say(name, what);
      set(name, { title: what });
      say(value, money(order.amount));
      const who = [order.customer, order.region, order.channel].filter(Boolean).map(plain).join(", ");
      say(detail, who);
      set(detail, { title: `${plain(order.orderid)}: ${who}` });
      say(status, plain(order.status));
      set(status, { "data-status": order.status });
    },
  );
  empty(list, found, "No orders in this window");
}

const grave = (shelf) =>
  shelf.on_hand === null
    ? 3
    : shelf.on_hand <= 0
      ? 0
      : shelf.reorder_level !== null && shelf.on_hand <= shelf.reorder_level
        ? 1
        : 2;

/** What is on hand, what is out and low first. Returns how many are out and low. */
export function shelves(list, all, most, { chosen, onChoose }) {
  const sorted = [...all].sort(
    (one, other) => grave(one) - grave(other) || other.sold - one.sold || (one.on_hand ?? 0) - (other.on_hand ?? 0),
  );
  keyed(
    list,
    sorted.slice(0, rows(list, most)),
    (shelf) => shelf.product_id,
    () => {
      const item = row("product", onChoose),
        button = item.firstElementChild;
      button.classList.add("shelf");
      button.children[2].className = "badge";
      return item;
    },
    (item, shelf) => {
      const [, value, badge, track] = named(item, { key: shelf.product_id, name: shelf.name }, chosen),
        level = grave(shelf);
      const word = ["out", "low", "", "unknown"][level];
      say(value, shelf.on_hand === null ? NONE : `${count(shelf.on_hand)} left`);
      say(badge, word || `${compact(shelf.sold)} sold`);
      set(badge, { "data-status": word || null });
      const full = Math.max(shelf.on_hand ?? 0, 3 * (shelf.reorder_level ?? 0), 1);
      track.children[0].style.width = `${(100 * Math.max(0, shelf.on_hand ?? 0)) / full}%`;
      set(track, { "data-tone": ["bad", "warn", null, null][level] });
      track.children[1].hidden = !shelf.reorder_level;
      if (shelf.reorder_level) track.children[1].style.left = `${(100 * shelf.reorder_level) / full}%`;
    },
  );
  empty(list, sorted, "No products are known");
  return {
    out: all.filter((shelf) => grave(shelf) === 0).length,
    low: all.filter((shelf) => grave(shelf) === 1).length,
  };
}
