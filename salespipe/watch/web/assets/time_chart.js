// Revenue as a line over orders as bars, on one axis of time, beside the window before.

import { area, line } from "./charts.js";
import { clock, compact, count, money } from "./format.js";
import { el, keyed, say, set, svg } from "./dom.js";

const LEFT = 46;
const RIGHT = 8;
const TOP = 10;
const GAP = 22;
const BOTTOM = 22;
const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 14400, 21600];

/** Round values from 0 to at least `most`, about `wanted` of them, no finer than `finest`. */
function ticks(most, wanted, finest = 0) {
  if (!(most > 0)) return [0];
  const rough = most / wanted;
  const ten = 10 ** Math.floor(Math.log10(rough));
  const step = Math.max(finest, ten * ([1, 2, 2.5, 5].find((each) => each * ten >= rough) ?? 10));
  return Array.from({ length: Math.ceil(most / step - 1e-9) + 1 }, (_, number) => number * step);
}

/** What is drawn, in numbers, and the scales that place it in so many pixels. */
class Scene {
  constructor({ board, compare, known, arrived }, width, height) {
    const points = board.points.filter((point) => Date.parse(point.start) < known);
    this.starts = points.map((point) => Date.parse(point.start));
    this.revenue = points.map((point) => Number(point.sales.revenue));
    this.orders = points.map((point) => point.sales.orders);
    this.past = compare ? board.points_before.map((point) => Number(point.sales.revenue)) : [];
    this.first = Date.parse(board.points[0]?.start ?? board.since);
    const until = Date.parse(board.until);
    this.step = board.points.length > 1 ? Date.parse(board.points[1].start) - this.first : until - this.first;
    this.span = Math.max(1, until - this.first, board.points.length * this.step);
    /** So many steps are over, with all that belongs to them. */
    this.whole = this.starts.filter((start) => start + this.step <= arrived).length;
    Object.assign(this, { width, right: width - RIGHT, low: height - BOTTOM });
    this.split = TOP + (height - TOP - GAP - BOTTOM) * 0.7;
    this.marks = ticks(Math.max(0, ...this.revenue, ...this.past), height > 320 ? 4 : 3);
    this.barMarks = ticks(Math.max(0, ...this.orders), 2, 1);
  }

  x(time) {
    return LEFT + ((this.right - LEFT) * (time - this.first)) / this.span;
  }

  /** The middle of a step. */
  middle(number) {
    return this.x(this.first + (number + 0.5) * this.step);
  }

  y(value) {
    return this.split - ((this.split - TOP) * value) / (this.marks.at(-1) || 1);
  }

  top(value) {
    return this.low - ((this.low - this.split - GAP) * value) / (this.barMarks.at(-1) || 1);
  }

  path(values) {
    return values.map((value, number) => [this.middle(number), this.y(value)]);
  }
}

export class TimeChart {
  constructor(parent) {
    this.parent = parent;
    this.grid = svg("g");
    this.area = svg("path", { class: "area" });
    this.before = svg("path", { class: "before" });
    this.now = svg("path", { class: "now" });
    this.dot = svg("circle", { class: "newest", r: 4 });
    this.bars = svg("g", { class: "bars" });
    this.cursor = svg("path", { class: "cursor" });
    const layers = [this.grid, this.bars, this.area, this.before, this.now, this.dot, this.cursor];
    this.svg = svg("svg", { role: "img" }, ...layers);
    this.tip = el("p", { class: "tip", role: "status", hidden: "" });
    this.index = null;
    parent.append(this.svg, this.tip);
    set(parent, {
      tabindex: 0,
      role: "group",
      "aria-label": "Revenue and orders over time; left and right tell each step",
    });
    new ResizeObserver(() => this.shown && this.draw(this.shown)).observe(parent);
    this.svg.addEventListener("pointermove", (event) => this.point(this.indexAt(event.clientX)));
    this.svg.addEventListener("pointerdown", (event) => this.point(this.indexAt(event.clientX)));
    parent.addEventListener("pointerleave", () => this.point(null));
    parent.addEventListener("blur", () => this.point(null));
    parent.addEventListener("keydown", (event) => this.key(event));
  }

  key(event) {
    const last = (this.scene?.starts.length ?? 0) - 1;
    const from = this.index ?? last + 1;
    const to = { ArrowLeft: from - 1, ArrowRight: from + 1, Home: 0, End: last }[event.key];
    if (event.key === "Escape") this.point(null);
    else if (to !== undefined && last >= 0) {
      this.point(Math.min(last, Math.max(0, to)));
      event.preventDefault();
    }
  }

  /**
   * Draw `board`, of which nothing is known from the time `known` on, and all has arrived up to `arrived`; beside it,
   * with `compare`, the window before. The line ends where all has arrived: a part of a step would look like a fall.
   */
  draw(shown) {
    this.shown = shown;
    const width = this.parent.clientWidth;
    const height = this.parent.clientHeight;
    if (width < 80 || height < 80) return;
    const scene = (this.scene = new Scene(shown, width, height));
    const { board } = shown;
    const from = `${clock(board.since)} to ${clock(board.until)} UTC`;
    set(this.svg, {
      viewBox: `0 0 ${width} ${height}`,
      width,
      height,
      "aria-label": `Revenue ${money(board.sales.revenue)} and ${count(board.sales.orders)} orders from ${from}`,
    });
    this.axes(scene);
    const solid = scene.path(scene.revenue.slice(0, scene.whole));
    set(this.now, { d: line(solid) });
    set(this.area, { d: area(solid, scene.split) });
    set(this.before, { d: line(scene.path(scene.past)) });
    const [x, y] = solid.at(-1) ?? [0, 0];
    set(this.dot, { cx: x, cy: y, visibility: solid.length ? "visible" : "hidden" });
    this.columns(scene);
    this.point(this.index);
  }

  columns(scene) {
    const wide = scene.x(scene.first + scene.step) - scene.x(scene.first);
    keyed(
      this.bars,
      scene.orders.map((value, number) => ({ value, number })),
      (each) => each.number,
      () => svg("rect", { rx: 1 }),
      (bar, { value, number }) => {
        const top = scene.top(value);
        set(bar, {
          x: (scene.x(scene.starts[number]) + 0.5).toFixed(1),
          y: top.toFixed(1),
          width: Math.max(1, wide - (wide > 8 ? 2 : 1)).toFixed(1),
          height: (scene.low - top).toFixed(1),
          class: number >= scene.whole ? "growing" : null,
        });
      },
    );
  }

  axes(scene) {
    const pieces = [];
    const across = (height, value) =>
      pieces.push(
        svg("path", { d: `M${LEFT} ${height.toFixed(1)}H${scene.right}`, class: value ? "rule" : "axis" }),
        svg("text", { x: LEFT - 7, y: (height + 4).toFixed(1), class: "mark end" }, compact(value)),
      );
    scene.marks.forEach((value) => across(scene.y(value), value));
    scene.barMarks.forEach((value) => across(scene.top(value), value));
    const room = Math.max(1, Math.floor((scene.right - LEFT) / 74));
    const every = 1000 * (STEPS.find((each) => scene.span / 1000 / each <= room) ?? 86400);
    for (let time = Math.ceil(scene.first / every) * every; time <= scene.first + scene.span; time += every) {
      const x = scene.x(time);
      if (x < LEFT + 14 || x > scene.width - 26) continue;
      const mark = { x: x.toFixed(1), y: scene.low + 16, class: "mark middle" };
      pieces.push(svg("text", mark, clock(time, every < 60000)));
    }
    this.grid.replaceChildren(...pieces);
  }

  indexAt(clientX) {
    const { scene } = this;
    if (!scene?.starts.length) return null;
    const inside = clientX - this.svg.getBoundingClientRect().left;
    const number = Math.floor((inside - LEFT) / (scene.x(scene.first + scene.step) - LEFT));
    return Math.min(scene.starts.length - 1, Math.max(0, number));
  }

  /** Tell of one step of time, or of none. */
  point(index) {
    const { scene } = this;
    const start = index === null ? undefined : scene?.starts[index];
    this.index = start === undefined ? null : index;
    this.tip.hidden = start === undefined;
    if (start === undefined) {
      set(this.cursor, { d: "" });
      return;
    }
    const x = scene.middle(index);
    set(this.cursor, { d: `M${x.toFixed(1)} ${TOP}V${scene.low}` });
    const fine = scene.step % 60000 > 0;
    const during = `${clock(start, fine)} to ${clock(start + scene.step, fine)}`;
    const { sales } = this.shown.board.points[index];
    const told = [index < scene.whole ? during : `${during}, so far`, `revenue ${money(sales.revenue)}`];
    if (scene.past.length > index) told.push(`before ${money(this.shown.board.points_before[index].sales.revenue)}`);
    told.push(`orders ${count(sales.orders)}`);
    say(this.tip, told.join("\n"));
    const left = x > this.parent.clientWidth / 2;
    this.tip.style.left = `${left ? x - this.tip.offsetWidth - 10 : x + 10}px`;
  }
}
