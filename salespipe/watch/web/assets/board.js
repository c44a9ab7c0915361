// The business in a window, part by part.

import { stack } from "./charts.js";
import { at, el, keyed, say } from "./dom.js";
import { buyersOf, drawFigures } from "./figures.js";
import { count, plain, share } from "./format.js";
import { bars, movers, orders, shelves } from "./lists.js";
import { TimeChart } from "./time_chart.js";

const TONES = { delivered: 1, shipped: 2, paid: 3, placed: 4, returned: 6, cancelled: 7 };
const inside = (id, selector) => at(id).querySelector(selector);
const chart = new TimeChart(inside("time", ".chart"));

/**
 * Draw a board: with `compare` beside the window before. Nothing is known from the time `known` on, and all has arrived
 * up to `arrived`. `onChoose(part, key, name)` is called when a row is clicked.
 */
export function drawBoard({ board, compare, known, arrived }, onChoose) {
  const chosen = board.choice;
  const as = (part) => ({ part, chosen: chosen[part], compare, onChoose });
  drawFigures(board, compare, arrived);
  chart.draw({ board, compare, known, arrived });
  keyed(
    inside("time", ".legend"),
    [
      ["now", "this window"],
      ["earlier", "the one before"],
      ["bar", "orders"],
    ].filter(([key]) => compare || key !== "earlier"),
    ([key]) => key,
    ([key]) => el("span", { class: "key" }, el("i", { class: key, "aria-hidden": "true" }), el("span")),
    (node, [, text]) => say(node.lastElementChild, text),
  );
  bars(inside("products", ".list"), board.products, 8, as("product"));
  movers(inside("movers", ".list"), board.movers, 8, as("product"));
  bars(inside("regions", ".list"), board.regions, 8, as("region"));
  bars(inside("channels", ".list"), board.channels, 8, as("channel"));
  bars(inside("categories", ".list"), board.categories, 8, as("category"));
  bars(inside("customers", ".list"), board.top_customers, 5, as("customer"));
  const buyers = board.customers;
  say(
    inside("customers", ".aside"),
    buyers.buyers ? `${share(buyers.repeating, buyers.buyers)} bought more than once` : "",
  );
  stack(inside("customers", ".stack"), buyersOf(buyers), (part) => share(part.value, buyers.buyers));
  const statuses = Object.entries(board.statuses).map(([status, value]) => ({
    key: status,
    name: plain(status),
    value,
    tone: TONES[status] ?? 5,
  }));
  statuses.sort((one, other) => one.tone - other.tone || (one.key < other.key ? -1 : 1));
  say(inside("statuses", ".aside"), `${count(board.sales.placed)} orders`);
  stack(inside("statuses", ".stack"), statuses.slice(0, 12), (part) => share(part.value, board.sales.placed));
  const stock = shelves(inside("shelves", ".list"), board.shelves, 8, { chosen: chosen.product, onChoose });
  say(
    inside("shelves", ".aside"),
    board.shelves.length ? `${count(stock.out)} out, ${count(stock.low)} low of ${count(board.shelves.length)}` : "",
  );
  orders(inside("largest", ".list"), board.largest, 8, false);
  orders(inside("latest", ".list"), board.latest, 8, true);
}
