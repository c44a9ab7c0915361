// The page: keeps the newest snapshot, and draws it unless it is paused.

import { TimeChart, spark, stack } from "./charts.js";
import { Choosing } from "./choice.js";
import { at, el, keyed, say, set } from "./dom.js";
import { WINDOWS, change, clock, count, length, money, plain, share } from "./format.js";
import { bars, delta, movers, orders, shelves } from "./lists.js";
import { Live } from "./live.js";
import { chain } from "./pipeline.js";

const STATES = { live: "Live", connecting: "Connecting", ended: "Ended", lost: "No connection", unreached: "No connection", old: "Nothing new", failed: "Stale", paused: "Paused" };
const TONES = { delivered: 1, shipped: 2, paid: 3, placed: 4, returned: 6, cancelled: 7 };
const inside = (id, selector) => at(id).querySelector(selector);

const choosing = new Choosing(() => live.open(choosing.query));
const chart = new TimeChart(inside("time", ".chart"));
let newest = null, drawn = null, paused = false, connection = ["connecting", 0];
const live = new Live((snapshot) => { newest = snapshot; if (!paused) draw(); }, (state, seconds) => { connection = [state, seconds]; tellState(); });

const average = (sales) => (sales.orders ? Number(sales.revenue) / sales.orders : null);
const lost = (sales) => sales.cancelled + sales.returned;

/** The key figures: name, value, what it was before, what is said below, its course, and whether more is worse. */
function figures(board, compare) {
  const { sales, before, customers, customers_before: earlier } = board, course = (of) => board.points.map((point) => of(point.sales) ?? 0);
  const rate = (each) => (each.placed ? lost(each) / each.placed : null);
  return [
    { name: "Revenue", value: money(sales.revenue), moved: change(Number(sales.revenue), Number(before.revenue)), told: compare ? `${money(before.revenue)} before` : "", course: course((each) => Number(each.revenue)) },
    { name: "Orders", value: count(sales.orders), moved: change(sales.orders, before.orders), told: compare ? `${count(before.orders)} before` : "", course: course((each) => each.orders) },
    { name: "Average order", value: money(average(sales)), moved: change(average(sales), average(before)), told: compare ? `${money(average(before))} before` : "", course: course(average) },
    { name: "Units", value: count(sales.units), moved: change(sales.units, before.units), told: compare ? `${count(before.units)} before` : "", course: course((each) => each.units) },
    { name: "Buyers", value: count(customers.buyers), moved: change(customers.buyers, earlier.buyers), told: `${share(customers.new, customers.buyers)} new`, course: [] },
    { name: "Cancelled, returned", value: share(lost(sales), sales.placed), moved: change(rate(sales), rate(before)), told: `${count(sales.cancelled)} and ${count(sales.returned)} of ${count(sales.placed)}`, course: course(lost), worse: true },
  ].map((each) => ({ ...each, moved: compare ? each.moved : null }));
}

function drawFigures(board, compare) {
  keyed(at("figures"), figures(board, compare), (figure) => figure.name, () => el("div", { class: "card figure" }, el("h2"), el("p", { class: "big n" }), el("p", { class: "below" }, el("span", { class: "delta" }), el("span", { class: "soft" })), el("div", { class: "spark" })), (node, figure) => {
    const [name, value, below, sparks] = node.children;
    say(name, figure.name);
    say(value, figure.value);
    value.style.setProperty("--chars", String(figure.value.length));
    delta(below.children[0], figure.moved, figure.worse);
    say(below.children[1], figure.told);
    if (figure.course.length) spark(sparks, figure.course);
  });
}

function drawBoard(board, compare) {
  const chosen = board.choice, onChoose = (...which) => choosing.toggle(...which);
  const as = (part) => ({ part, chosen: chosen[part], compare, onChoose });
  drawFigures(board, compare);
  chart.draw(board, compare);
  keyed(inside("time", ".legend"), [["now", "this window"], ["earlier", "the one before"], ["bar", "orders"]].filter(([key]) => compare || key !== "earlier"), ([key]) => key, ([key]) => el("span", { class: "key" }, el("i", { class: key, "aria-hidden": "true" }), el("span")), (node, [, text]) => say(node.lastElementChild, text));
  bars(inside("products", "ul"), board.products, 8, as("product"));
  movers(inside("movers", "ul"), board.movers, 8, as("product"));
  bars(inside("regions", "ul"), board.regions, 8, as("region"));
  bars(inside("channels", "ul"), board.channels, 8, as("channel"));
  bars(inside("categories", "ul"), board.categories, 8, as("category"));
  bars(inside("customers", "ul"), board.top_customers, 5, as("customer"));
  const buyers = board.customers;
  say(inside("customers", ".aside"), `${share(buyers.repeating, buyers.buyers)} bought more than once`);
  stack(inside("customers", ".stack"), [{ key: "new", name: "new", value: buyers.new, tone: 2 }, { key: "returning", name: "returning", value: buyers.returning, tone: 3 }], (part) => share(part.value, buyers.buyers));
  const statuses = Object.entries(board.statuses).map(([status, value]) => ({ key: status, name: plain(status), value, tone: TONES[status] ?? 5 }));
  statuses.sort((one, other) => one.tone - other.tone || (one.key < other.key ? -1 : 1));
  say(inside("statuses", ".aside"), `${count(board.sales.placed)} orders`);
  stack(inside("statuses", ".stack"), statuses.slice(0, 12), (part) => share(part.value, board.sales.placed));
  const stock = shelves(inside("shelves", "ul"), board.shelves, 8, { chosen: chosen.product, onChoose });
  say(inside("shelves", ".aside"), board.shelves.length ? `${count(stock.out)} out, ${count(stock.low)} low of ${count(board.shelves.length)}` : "");
  orders(inside("largest", "ul"), board.largest, 8, false);
  orders(inside("latest", "ul"), board.latest, 8, true);
}

function notices({ failure, reading, board, flow }, compare) {
  const told = [];
  if (failure) told.push({ key: "failure", grave: "bad", text: `${failure.message} This is the picture of ${clock(newest.at)} UTC; nothing newer since ${clock(failure.since)}.${failure.hint ? ` What mends it: ${failure.hint}` : ""}` });
  if (reading.filling) told.push({ key: "filling", grave: "info", text: `Reading back what happened before: read up to ${reading.read_to ? `${clock(reading.read_to)} UTC` : "its beginning"}, the figures still grow.` });
  if (Date.parse(board.filled_since) > Date.parse(board.since)) told.push({ key: "short", grave: "info", text: `The stream could be read back to ${clock(board.filled_since)} UTC: the window lacks what is older.` });
  else if (!compare) told.push({ key: "alone", grave: "info", text: `Nothing to compare with: the stream could be read back to ${clock(board.filled_since)} UTC.` });
  if (board.sealed_before) told.push({ key: "sealed", grave: "info", text: `Orders before ${clock(board.sealed_before)} UTC are counted as they were then: there are too many to follow each.` });
  for (const problem of flow?.problems ?? []) told.push({ key: problem, grave: "info", text: `Not known of the pipeline: ${plain(problem)}` });
  if (board.undated) told.push({ key: "undated", grave: "info", text: `${count(board.undated)} orders have no time, and are in no window.` });
  keyed(at("notices"), told, (notice) => notice.key, () => el("p", { class: "notice" }), (node, notice) => { say(node, notice.text); set(node, { "data-grave": notice.grave }); });
}

function draw() {
  if (!newest || document.hidden) return;
  const snapshot = (drawn = newest), board = snapshot.board, since = Date.parse(board.since), until = Date.parse(board.until);
  const compare = Date.parse(board.filled_since) <= since - (until - since);
  say(at("pipeline"), plain(snapshot.pipeline));
  say(at("where"), plain(snapshot.where));
  choosing.learn(board);
  notices(snapshot, compare);
  drawBoard(board, compare);
  chain(snapshot);
  const parts = [`${clock(since)} to ${clock(until)} UTC, by ${board.basis === "event_time" ? "the time of the first change" : "the time when ordered"}`, `${count(board.events)} changes read`, `${count(board.duplicates)} of them twice`, `${count(board.unreadable)} unreadable`, `${count(board.late)} orders came late`];
  if (board.watermark) parts.push(`newest order of ${clock(board.watermark)}`);
  say(at("read"), `${parts.join("; ")}.`);
  document.title = `${money(board.sales.revenue)} ${WINDOWS[board.choice.window] === "today" ? "today" : `in ${board.choice.window}`} \u00b7 ${plain(snapshot.pipeline)}`;
  tellState();
}

function tellState() {
  const [state, seconds] = connection, failed = state === "live" && newest?.failure, shown = failed ? "failed" : state === "live" && paused ? "paused" : state;
  set(document.documentElement, { "data-state": shown });
  say(at("state-text"), STATES[shown]);
  const of = drawn ? `as of ${clock(drawn.at)} UTC` : "";
  say(at("age"), shown === "ended" ? `salespipe watch was stopped, ${of}` : ["lost", "old"].includes(shown) ? `for ${length(seconds)}, ${of}` : shown === "unreached" ? `for ${length(seconds)}; perhaps too many pages are open` : of);
}

function pause() {
  paused = !paused;
  set(at("pause"), { "aria-pressed": String(paused) });
  say(at("pause"), paused ? "Go on" : "Pause");
  if (paused) tellState();
  else draw();
}

function theme(next) {
  set(document.documentElement, { "data-theme": next === "auto" ? null : next });
  say(at("theme"), `Theme: ${next}`);
  try { localStorage.setItem("theme", next); } catch { /* a browser that keeps nothing */ }
}

function kept() {
  try { return localStorage.getItem("theme") ?? "auto"; } catch { return "auto"; }
}

const nextTheme = () => theme({ auto: "dark", dark: "light", light: "auto" }[kept()] ?? "dark");
at("pause").addEventListener("click", pause);
at("theme").addEventListener("click", nextTheme);
document.addEventListener("visibilitychange", () => !paused && draw());
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape") return choosing.all();
  if (event.target.matches("input")) return;
  const window_ = Object.keys(WINDOWS)[Number(event.key) - 1];
  if (window_) choosing.change({ window: window_ });
  else if (event.key === "p") pause();
  else if (event.key === "t") nextTheme();
  else if (event.key === "/") { at("text").focus(); event.preventDefault(); }
});
theme(kept());
live.open(choosing.query);
