// Charts as SVG: revenue as a line over orders as bars on one axis of time; small lines; stacked shares.

import { clock, compact, count, money } from "./format.js";
import { el, keyed, say, set, svg } from "./dom.js";

const LEFT = 46,
  RIGHT = 8,
  TOP = 10,
  GAP = 22,
  BOTTOM = 22;
const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 14400, 21600];

/** Round values from 0 to at least `most`, about `wanted` of them. */
function ticks(most, wanted, finest = 0) {
  if (!(most > 0)) return [0];
  const rough = most / wanted,
    ten = 10 ** Math.floor(Math.log10(rough));
  const step = Math.max(finest, ten * ([1, 2, 2.5, 5].find((each) => each * ten >= rough) ?? 10));
  return Array.from({ length: Math.ceil(most / step - 1e-9) + 1 }, (_, number) => number * step);
}

const line = (points) =>
  points.map(([x, y], number) => `${number ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");

/** Revenue and orders over the window; `points_before` is drawn under it, moved by the window's length. */
export class TimeChart {
  constructor(parent) {
    this.parent = parent;
    this.grid = svg("g");
    this.area = svg("path", { class: "area" });
    this.before = svg("path", { class: "before" });
    this.now = svg("path", { class: "now" });
    this.growing = svg("path", { class: "now growing" });
    this.dot = svg("circle", { class: "newest", r: 4 });
    this.bars = svg("g", { class: "bars" });
    this.cursor = svg("path", { class: "cursor" });
    this.svg = svg(
      "svg",
      { role: "img" },
      this.grid,
      this.bars,
      this.area,
      this.before,
      this.now,
      this.growing,
      this.dot,
      this.cursor,
    );
    this.tip = el("p", { class: "tip", role: "status", hidden: "" });
    this.index = null;
    parent.append(this.svg, this.tip);
    set(parent, {
      tabindex: 0,
      role: "group",
      "aria-label": "Revenue and orders over time; left and right tell each step",
    });
    new ResizeObserver(() => this.board && this.draw(this.board, this.compare, this.at)).observe(parent);
    this.svg.addEventListener("pointermove", (event) => this.point(this.indexAt(event.clientX)));
    this.svg.addEventListener("pointerdown", (event) => this.point(this.indexAt(event.clientX)));
    parent.addEventListener("pointerleave", () => this.point(null));
    parent.addEventListener("blur", () => this.point(null));
    parent.addEventListener("keydown", (event) => this.key(event));
  }

  key(event) {
    const last = (this.starts?.length ?? 0) - 1,
      from = this.index ?? last + 1;
    const to = { ArrowLeft: from - 1, ArrowRight: from + 1, Home: 0, End: last }[event.key];
    if (event.key === "Escape") this.point(null);
    else if (to !== undefined && last >= 0) {
      this.point(Math.min(last, Math.max(0, to)));
      event.preventDefault();
    }
  }

  /** Draw what is known of a board at the time `now`; without `compare` nothing of the window before. */
  draw(board, compare, now) {
    this.board = board;
    this.at = now;
    this.compare = compare;
    const points = board.points.filter((point) => Date.parse(point.start) < now),
      earlier = compare ? board.points_before : [];
    const width = this.parent.clientWidth,
      height = this.parent.clientHeight;
    if (width < 80 || height < 80) return;
    set(this.svg, { viewBox: `0 0 ${width} ${height}`, width, height });
    const since = Date.parse(board.since),
      until = Date.parse(board.until);
    const starts = points.map((point) => Date.parse(point.start));
    const step =
      board.points.length > 1 ? Date.parse(board.points[1].start) - Date.parse(board.points[0].start) : until - since;
    const revenue = points.map((point) => Number(point.sales.revenue));
    const past = earlier.map((point) => Number(point.sales.revenue));
    const orders = points.map((point) => point.sales.orders);
    const split = TOP + (height - TOP - GAP - BOTTOM) * 0.7,
      low = height - BOTTOM;
    const marks = ticks(Math.max(0, ...revenue, ...past), height > 320 ? 4 : 3),
      barMarks = ticks(Math.max(0, ...orders), 2, 1);
    const first = Math.min(since, ...starts),
      span = Math.max(1, Math.max(until, first + board.points.length * step) - first);
    const x = (time) => LEFT + ((width - LEFT - RIGHT) * (time - first)) / span;
    const y = (value) => split - ((split - TOP) * value) / (marks.at(-1) || 1);
    const high = (value) => ((low - split - GAP) * value) / (barMarks.at(-1) || 1);
    Object.assign(this, { starts, step, x, split, low });

    this.axes(marks, barMarks, y, high, { first, span, width });
    const whole = starts.filter((start) => start + step <= now).length;
    const middle = (start) => x(start + step / 2);
    const placed = revenue.map((value, number) => [middle(starts[number]), y(value)]);
    const solid = placed.slice(0, Math.max(1, whole));
    set(this.now, { d: line(solid) });
    set(this.growing, { d: placed.length > whole ? line(placed.slice(Math.max(0, whole - 1))) : "" });
    set(this.area, {
      d:
        solid.length > 1
          ? `${line(solid)}L${solid.at(-1)[0].toFixed(1)} ${split}L${solid[0][0].toFixed(1)} ${split}Z`
          : "",
    });
    set(this.before, { d: line(past.map((value, number) => [middle(first + number * step), y(value)])) });
    const end = solid.at(-1);
    set(this.dot, { cx: end?.[0] ?? 0, cy: end?.[1] ?? 0, visibility: end ? "visible" : "hidden" });
    const wide = Math.max(1, x(first + step) - x(first) - ((width * step) / span > 8 ? 2 : 1));
    keyed(
      this.bars,
      orders.map((value, number) => ({ value, number })),
      (each) => each.number,
      () => svg("rect", { rx: 1 }),
      (bar, { value, number }) => {
        const tall = high(value);
        set(bar, {
          x: (x(starts[number]) + 0.5).toFixed(1),
          y: (low - tall).toFixed(1),
          width: wide.toFixed(1),
          height: tall.toFixed(1),
          class: number >= whole ? "growing" : null,
        });
      },
    );
    set(this.svg, {
      "aria-label": `Revenue ${money(board.sales.revenue)} and ${count(board.sales.orders)} orders from ${clock(since)} to ${clock(until)} UTC`,
    });
    this.point(this.index);
  }

  axes(marks, barMarks, y, high, { first, span, width }) {
    const pieces = [];
    const across = (height, value, axis) =>
      pieces.push(
        svg("path", { d: `M${LEFT} ${height.toFixed(1)}H${width - RIGHT}`, class: value ? "rule" : "axis" }),
        svg("text", { x: LEFT - 7, y: (height + 4).toFixed(1), class: "mark end" }, axis),
      );
    marks.forEach((value) => across(y(value), value, compact(value)));
    barMarks.forEach((value) => across(this.low - high(value), value, compact(value)));
    const seconds = span / 1000,
      room = Math.max(1, Math.floor((width - LEFT - RIGHT) / 74));
    const every = 1000 * (STEPS.find((each) => seconds / each <= room) ?? 86400),
      fine = every < 60000;
    for (let time = Math.ceil(first / every) * every; time <= first + span; time += every) {
      const place = this.x(time);
      if (place < LEFT + 14 || place > width - 26) continue;
      pieces.push(svg("text", { x: place.toFixed(1), y: this.low + 16, class: "mark middle" }, clock(time, fine)));
    }
    this.grid.replaceChildren(...pieces);
  }

  indexAt(clientX) {
    if (!this.starts?.length) return null;
    const inside = clientX - this.svg.getBoundingClientRect().left;
    const number = Math.floor(
      (inside - this.x(this.starts[0])) / (this.x(this.starts[0] + this.step) - this.x(this.starts[0])),
    );
    return Math.min(this.starts.length - 1, Math.max(0, number));
  }

  /** Tell of one step of time, or of none. */
  point(index) {
    const point = index === null || index >= (this.starts?.length ?? 0) ? undefined : this.board.points[index];
    this.index = point ? index : null;
    this.tip.hidden = !point;
    set(this.cursor, {
      d: point ? `M${this.x(this.starts[index] + this.step / 2).toFixed(1)} ${TOP}V${this.low}` : "",
    });
    if (!point) return;
    const before = this.compare ? this.board.points_before[index] : undefined,
      fine = this.step < 60000 || this.step % 60000 > 0;
    const told = [
      `${clock(this.starts[index], fine)} to ${clock(this.starts[index] + this.step, fine)}`,
      `revenue ${money(point.sales.revenue)}`,
    ];
    if (before) told.push(`before ${money(before.sales.revenue)}`);
    told.push(`orders ${count(point.sales.orders)}`);
    say(this.tip, told.join("\n"));
    const place = this.x(this.starts[index] + this.step / 2),
      left = place > this.parent.clientWidth / 2;
    this.tip.style.left = `${left ? place - this.tip.offsetWidth - 10 : place + 10}px`;
  }
}

/** A line without axes, as wide as its place. */
export function spark(parent, values) {
  const most = Math.max(...values, 0),
    last = Math.max(1, values.length - 1);
  const points = values.map((value, number) => [(100 * number) / last, 28 - (26 * value) / (most || 1)]);
  const drawn =
    parent.firstElementChild ??
    parent.appendChild(
      svg(
        "svg",
        { viewBox: "0 0 100 30", preserveAspectRatio: "none", "aria-hidden": "true" },
        svg("path", { class: "area" }),
        svg("path", { class: "now" }),
      ),
    );
  set(drawn.children[0], { d: points.length > 1 ? `${line(points)}L100 30L0 30Z` : "" });
  set(drawn.children[1], { d: points.length > 1 ? line(points) : "" });
}

/** Parts of a whole side by side: {key, value, tone}. */
export function strip(parent, parts) {
  const drawn = parent.firstElementChild ?? parent.appendChild(el("div", { class: "strip", "aria-hidden": "true" }));
  keyed(
    drawn,
    parts.filter((part) => part.value > 0),
    (part) => part.key,
    (part) => el("i", { "data-tone": part.tone }),
    (node, part) => {
      node.style.flexGrow = String(part.value);
    },
  );
}

/** The same with a legend: {key, name, value, tone}. */
export function stack(parent, parts, told) {
  if (!parent.firstElementChild) parent.append(el("div"), el("ul", { class: "legend" }));
  const [place, legend] = parent.children;
  strip(place, parts);
  keyed(
    legend,
    parts,
    (part) => part.key,
    (part) =>
      el(
        "li",
        {},
        el("i", { "data-tone": part.tone, "aria-hidden": "true" }),
        el("span", { class: "name" }, part.name),
        el("span", { class: "n" }),
        el("span", { class: "n soft" }),
      ),
    (node, part) => {
      say(node.children[2], count(part.value));
      say(node.children[3], told(part));
    },
  );
}
