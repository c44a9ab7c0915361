// Small charts: lines without axes, and parts of a whole.

import { count } from "./format.js";
import { el, keyed, say, set, svg } from "./dom.js";

/** The path through points. */
export const line = (points) =>
  points.map(([x, y], number) => `${number ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");

/** What lies between a line and the height `floor`. */
export function area(points, floor) {
  if (points.length < 2) return "";
  return `${line(points)}L${points.at(-1)[0].toFixed(1)} ${floor}L${points[0][0].toFixed(1)} ${floor}Z`;
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
  set(drawn.children[0], { d: area(points, 30) });
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
