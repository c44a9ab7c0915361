// What a visitor must know beside the figures: why they are old, or not all.

import { at, el, keyed, say, set } from "./dom.js";
import { clock, plain, several } from "./format.js";

function told({ at: moment, failure, reading, board, flow }, compare) {
  const found = [];
  const tell = (key, text, grave = "info") => found.push({ key, text, grave });
  if (failure) {
    const fix = failure.hint ? ` What mends it: ${failure.hint}` : "";
    const since = `This is the picture of ${clock(moment)} UTC; nothing newer since ${clock(failure.since)}.`;
    tell("failure", `${failure.message} ${since}${fix}`, "bad");
  }
  if (!compare) tell("partly", partly(reading, board));
  if (board.sealed_before) {
    const forgotten = `those before ${clock(board.sealed_before)} UTC are not in these figures.`;
    tell("sealed", `There are more orders than can be kept: ${forgotten}`);
  }
  if (board.undated) {
    const undated = several(board.undated, "order has", "orders have");
    tell("undated", `${undated} no time, and so no place in any window.`);
  }
  for (const problem of flow?.problems ?? []) tell(problem, `Not known of the pipeline: ${plain(problem)}`);
  return found;
}

/** Why there is nothing to compare with. */
function partly(reading, board) {
  if (reading.filling) {
    const reached = reading.read_to ? ` up to ${clock(reading.read_to)} UTC` : "";
    return `Reading what happened before${reached}: the figures still grow.`;
  }
  const back = `The stream could be read back to ${clock(board.filled_since)} UTC`;
  if (Date.parse(board.filled_since) > Date.parse(board.since)) return `${back}: the window lacks what is older.`;
  return `${back}: there is nothing to compare with.`;
}

/** Draw what is to be said of a snapshot. */
export function notices(snapshot, compare) {
  keyed(
    at("notices"),
    told(snapshot, compare),
    (notice) => notice.key,
    () => el("p", { class: "notice" }),
    (node, notice) => {
      say(node, notice.text);
      set(node, { "data-grave": notice.grave });
    },
  );
}
