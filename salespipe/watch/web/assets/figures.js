// The key figures, each with what it was before and its course.

import { spark, strip } from "./charts.js";
import { at, el, keyed, say } from "./dom.js";
import { change, count, money, share } from "./format.js";
import { delta } from "./lists.js";

const average = (sales) => (sales.orders ? Number(sales.revenue) / sales.orders : null);
/** New and returning customers as parts of a whole. */
export const buyersOf = (customers) => [
  { key: "new", name: "new", value: customers.new, tone: 2 },
  { key: "returning", name: "returning", value: customers.returning, tone: 3 },
];
const lost = (sales) => sales.cancelled + sales.returned;

/** The key figures: name, value, what it was before, what is said below, its course, and whether more is worse. */
function figures(board, compare, points) {
  const { sales, before, customers, customers_before: earlier } = board;
  const course = (of) => points.map((point) => of(point.sales) ?? 0);
  const rate = (each) => (each.placed ? lost(each) / each.placed : null);
  const past = (each, value) => (!compare ? "" : each.orders ? `${value} before` : "nothing before");
  return [
    {
      name: "Revenue",
      value: money(sales.revenue),
      moved: change(Number(sales.revenue), Number(before.revenue)),
      told: past(before, money(before.revenue)),
      course: course((each) => Number(each.revenue)),
    },
    {
      name: "Orders",
      value: count(sales.orders),
      moved: change(sales.orders, before.orders),
      told: past(before, count(before.orders)),
      course: course((each) => each.orders),
    },
    {
      name: "Average order",
      value: money(average(sales)),
      moved: change(average(sales), average(before)),
      told: past(before, money(average(before))),
      course: course(average),
    },
    {
      name: "Units",
      value: count(sales.units),
      moved: change(sales.units, before.units),
      told: past(before, count(before.units)),
      course: course((each) => each.units),
    },
    {
      name: "Buyers",
      value: count(customers.buyers),
      moved: change(customers.buyers, earlier.buyers),
      told: customers.buyers ? `${share(customers.new, customers.buyers)} new` : "",
      parts: buyersOf(customers),
    },
    {
      name: "Cancelled, returned",
      value: share(lost(sales), sales.placed),
      moved: change(rate(sales), rate(before)),
      told: `${count(sales.cancelled)} and ${count(sales.returned)} of ${count(sales.placed)}`,
      course: course(lost),
      worse: true,
    },
  ].map((each) => ({ ...each, moved: compare ? each.moved : null }));
}

/** Draw them. Their courses go to the last step of which all has `arrived`. */
export function drawFigures(board, compare, arrived) {
  const starts = board.points.map((point) => Date.parse(point.start));
  const step = starts.length > 1 ? starts[1] - starts[0] : 0;
  const points = board.points.filter((_, number) => starts[number] + step <= arrived);

  keyed(
    at("figures"),
    figures(board, compare, points),
    (figure) => figure.name,
    () =>
      el(
        "div",
        { class: "card figure" },
        el("h2"),
        el("p", { class: "big n" }),
        el("p", { class: "below" }, el("span", { class: "delta" }), el("span", { class: "soft" })),
        el("div", { class: "spark" }),
      ),
    (node, figure) => {
      const [name, value, below, sparks] = node.children;
      say(name, figure.name);
      say(value, figure.value);
      value.style.setProperty("--chars", String(figure.value.length));
      delta(below.children[0], figure.moved, figure.worse);
      say(below.children[1], figure.told);
      if (figure.course) spark(sparks, figure.course);
      else strip(sparks, figure.parts);
    },
  );
}
