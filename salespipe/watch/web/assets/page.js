// The page: keeps the newest snapshot, and draws it unless it is paused.

import { drawBoard } from "./board.js";
import { Choosing } from "./choice.js";
import { at, say, set } from "./dom.js";
import { WINDOWS, clock, count, length, money, plain, several } from "./format.js";
import { Live } from "./live.js";
import { notices } from "./notices.js";
import { chain } from "./pipeline.js";

const STATES = {
  live: "Live",
  connecting: "Connecting",
  ended: "Ended",
  lost: "No connection",
  unreached: "No connection",
  old: "Nothing new",
  failed: "Stale",
  paused: "Paused",
};
const THEMES = { auto: "dark", dark: "light", light: "auto" };
const DAY = 86400000;
const BEHIND = 5; // seconds that a shard may be read late
const MOST_LAG = 10; // seconds that changes may be under way while their time counts as told

let newest = null;
let drawn = null;
let paused = false;
let awaited = false; // another choice, which is drawn also when paused
let connection = ["connecting", 0];

const choosing = new Choosing(() => {
  awaited = true;
  live.open(choosing.query);
});
const live = new Live(
  (snapshot) => {
    newest = snapshot;
    const first = !drawn;
    if (!paused || awaited) draw();
    awaited = false;
    if (first) requestAnimationFrame(draw); // now it is known how much room there is
  },
  (state, seconds) => {
    connection = [state, seconds];
    tellState();
  },
);

/** When the window before begins: for today, yesterday. */
function beforeSince(board) {
  const since = Date.parse(board.since);
  return board.choice.window === "today" ? since - DAY : 2 * since - Date.parse(board.until);
}

/** Whether all is read: also while what a longer window needs is read again beside it. */
function upToNow({ filling, shards }) {
  const behind = ({ behind_seconds: seconds }) => seconds === null || seconds > BEHIND;
  return !filling || (shards.length > 0 && !shards.some(behind));
}

/** Up to when orders are known while older ones are still being read. */
function reached({ at: moment, board, reading }) {
  const times = [reading.read_to, board.watermark].filter(Boolean).map((time) => Date.parse(time));
  return Math.min(Date.parse(moment), Math.max(Date.parse(board.since), ...times));
}

function draw() {
  if (!newest || document.hidden) return;
  drawn = newest;
  const { board, reading } = drawn;
  const whole = upToNow(reading);
  const compare = whole && Date.parse(board.filled_since) <= beforeSince(board);
  const known = whole ? Date.parse(drawn.at) : reached(drawn);
  const arrived = known - 1000 * Math.min(MOST_LAG, reading.pipe_seconds_max ?? 0);
  say(at("pipeline"), plain(drawn.pipeline));
  say(at("where"), plain(drawn.where));
  choosing.learn(board);
  notices(drawn, compare);
  drawBoard({ board, compare, known, arrived }, (part, key, name) => choosing.toggle(part, key, name));
  chain(drawn);
  tellReading(board);
  const window_ = board.choice.window;
  const during = window_ === "today" ? window_ : `in ${window_}`;
  document.title = `${money(board.sales.revenue)} ${during} \u00b7 ${plain(drawn.pipeline)}`;
  tellState();
}

function tellReading(board) {
  const basis = board.basis === "event_time" ? "the time of their first change" : "the time when they were made";
  const parts = [
    `Orders from ${clock(board.since)} to before ${clock(board.until)} UTC by ${basis}`,
    `${several(board.events, "change", "changes")} read`,
    `${count(board.duplicates)} of them twice`,
    `${count(board.unreadable)} unreadable`,
    `${several(board.late, "order", "orders")} came late`,
  ];
  if (board.watermark) parts.push(`newest order of ${clock(board.watermark)}`);
  say(at("read"), `${parts.join("; ")}.`);
}

function tellState() {
  const [state, seconds] = connection;
  const shown = state !== "live" ? state : drawn?.failure ? "failed" : paused ? "paused" : state;
  set(document.documentElement, { "data-state": shown });
  say(at("state-text"), STATES[shown]);
  const parts = [];
  if (shown === "ended") parts.push("the command was stopped");
  if (["lost", "old", "unreached"].includes(shown)) parts.push(`for ${length(seconds)}`);
  if (shown === "unreached") parts.push("perhaps too many pages are open");
  if (drawn) parts.push(`as of ${clock(drawn.at)} UTC`);
  say(at("age"), parts.join(", "));
}

function pause() {
  paused = !paused;
  set(at("pause"), { "aria-pressed": String(paused) });
  if (paused) tellState();
  else draw();
}

function theme(next) {
  set(document.documentElement, { "data-theme": next === "auto" ? null : next });
  say(at("theme"), `Theme: ${next}`);
  try {
    localStorage.setItem("theme", next);
  } catch {
    // a browser that keeps nothing
  }
}

function kept() {
  try {
    const found = localStorage.getItem("theme");
    return found in THEMES ? found : "auto";
  } catch {
    return "auto";
  }
}

const nextTheme = () => theme(THEMES[kept()]);
at("pause").addEventListener("click", pause);
at("theme").addEventListener("click", nextTheme);
document.addEventListener("visibilitychange", () => !paused && draw());
addEventListener("resize", () => !paused && draw());
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape") return choosing.all();
  if (event.target.matches("input")) return;
  const window_ = WINDOWS[Number(event.key) - 1];
  if (window_) choosing.change({ window: window_ });
  else if (event.key === "p") pause();
  else if (event.key === "t") nextTheme();
  else if (event.key === "/") {
    at("text").focus();
    event.preventDefault();
  }
});
theme(kept());
live.open(choosing.query);
