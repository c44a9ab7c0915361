// Numbers and times as people read them. Money comes as text, with every digit, and is only rounded when shown.

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const cents = new Intl.NumberFormat("en", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const short = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 });
const tenth = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });

export const NONE = "\u2013";

export const count = (value) => (value === null || value === undefined ? NONE : whole.format(value));

/** An amount of money: with cents below 10,000. */
export function money(value) {
  if (value === null || value === undefined) return NONE;
  return Math.abs(Number(value)) < 10000 ? cents.format(value) : whole.format(value);
}

export const several = (value, one, many) => `${count(value)} ${value === 1 ? one : many}`;

export const compact = (value) => (Math.abs(value) < 1000 ? tenth.format(value) : short.format(value));

export const share = (part, of) => (of > 0 ? `${tenth.format((100 * part) / of)} %` : NONE);

/** What became of a figure: {text, direction, spoken}; null where there is nothing to compare with. */
export function change(now, before) {
  if (now === null || before === null || !(before > 0)) return null;
  const percent = (100 * (now - before)) / before;
  if (Math.abs(percent) < 0.05) return { text: "\u00b1 0 %", direction: "same", spoken: "as before" };
  const size =
    Math.abs(percent) >= 1000
      ? "> 999"
      : Math.abs(percent) >= 10
        ? whole.format(Math.abs(percent))
        : tenth.format(Math.abs(percent));
  return percent > 0
    ? { text: `\u25b2 ${size} %`, direction: "up", spoken: `up ${size} percent` }
    : { text: `\u25bc ${size} %`, direction: "down", spoken: `down ${size} percent` };
}

/** A time of day in UTC, with its seconds where `fine`. */
export const clock = (time, fine = true) => new Date(time).toISOString().slice(11, fine ? 19 : 16);

/** A length of time: 0.4 s, 12 s, 3 min, 2 h. */
export function length(seconds) {
  if (seconds === null || seconds === undefined) return NONE;
  if (seconds < 9.95) return `${tenth.format(Math.max(0, seconds))} s`;
  if (seconds < 120) return `${whole.format(seconds)} s`;
  if (seconds < 7200) return `${whole.format(seconds / 60)} min`;
  return `${whole.format(seconds / 3600)} h`;
}

const CONTROLS = /[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g;

/** Text of an order on one line, with its control characters seen; never markup. */
export function plain(text) {
  if (text === null || text === undefined) return "(none)";
  return text === "" ? "(empty)" : String(text).replace(CONTROLS, "\u00b7");
}

export const WINDOWS = ["1m", "5m", "15m", "1h", "today"];
