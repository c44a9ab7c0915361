// The pipeline as a chain of stages: what passes, how old it is, what failed, and where it is held up.

import { count, length } from "./format.js";
import { at, el, keyed, say, set } from "./dom.js";

const NAMES = {
  generator: ["Generator", "Lambda", "runs"],
  table: ["Table", "DynamoDB", "writes"],
  pipe: ["Pipe", "EventBridge", "events"],
  stream: ["Stream", "Kinesis", "records"],
  transform: ["Transform", "Lambda", "records"],
  delivery: ["Delivery", "Firehose", "records"],
};
const SIGNS = { flowing: "\u2713", idle: "\u2013", behind: "!", failing: "\u2715", unknown: "?" };

function node() {
  return el(
    "li",
    {},
    el(
      "p",
      { class: "stage" },
      el("span", { class: "sign", "aria-hidden": "true" }),
      el("b"),
      el("span", { class: "soft" }),
    ),
    el("p", { class: "verdict" }),
    el("p", { class: "rate n" }),
    el("p", { class: "lag soft" }),
    el("p", { class: "failed" }),
    el("p", { class: "why" }),
    el("p", { class: "held" }),
  );
}

function filled(item, { name, of, verdict, rate, lag, failed, why, held }) {
  const [stage, word, rated, lagged, broke, reason, mark] = item.children;
  say(stage.children[0], SIGNS[verdict] ?? "");
  say(stage.children[1], name);
  say(stage.children[2], of);
  say(word, verdict);
  say(rated, rate);
  say(lagged, lag);
  say(broke, failed);
  say(reason, why);
  say(mark, held ? "stuck here" : "");
  set(item, { "data-verdict": verdict, "data-held": held ? "" : null });
}

function stageOf(stage, flow, reading, held) {
  const [name, of, unit] = NAMES[stage.name] ?? [stage.name, "", ""];
  const lags = stage.lag_seconds ? [`${length(stage.lag_seconds.value)} old`] : [];
  if (stage.name === "pipe" && reading.pipe_seconds !== null)
    lags.push(`${length(reading.pipe_seconds)} to the stream`);
  // Of a failing stage its reason says so already.
  const counted = stage.failed && stage.verdict !== "failing";
  const failed = counted ? [`${count(stage.failed)} failed in ${flow.window_minutes} min`] : [];
  if (stage.name === "pipe" && flow.dead_letters) failed.push(`${count(flow.dead_letters)} dead letters`);
  return {
    key: stage.name,
    name,
    of,
    verdict: stage.verdict,
    held,
    rate: stage.rate ? `${count(stage.rate.value)}${stage.rate.complete ? "" : "+"} ${unit}/min` : "",
    lag: lags.join(", "),
    failed: failed.join(", "),
    why: stage.why,
  };
}

function lake({ flow, objects, quarantined }) {
  return {
    key: "lake",
    name: "Lake",
    of: "S3",
    verdict: quarantined ? "behind" : objects ? "flowing" : "idle",
    rate: objects === null ? "" : `${count(objects)} objects in ${flow.window_minutes} min`,
    lag: "",
    failed: quarantined ? `${count(quarantined)} quarantined` : "",
    why: "",
    held: false,
  };
}

/** The first stage that fails or falls behind; dead letters are the pipe's. */
function stuck(flow) {
  const late = flow?.stages.find((stage) => stage.verdict === "behind" || stage.verdict === "failing");
  return late ?? (flow?.dead_letters ? flow.stages.find((stage) => stage.name === "pipe") : undefined);
}

function told(flow, held) {
  if (!flow) return "Its figures are not known yet.";
  if (held) return `Stuck at the ${(NAMES[held.name] ?? [held.name])[0].toLowerCase()}.`;
  return flow.stages.some((stage) => stage.verdict === "flowing") ? "All of it flows." : "Nothing is passing.";
}

function read({ shards }) {
  const behind = shards.map((shard) => shard.behind_seconds).filter((seconds) => seconds !== null);
  const late = Math.max(...behind);
  const throttled = shards.some((shard) => shard.throttled) ? ", held back by the stream's limits" : "";
  if (!behind.length) return "The stream is not read yet.";
  if (late < 0.1) return `This page is up to date with the stream${throttled}.`;
  return `This page is ${length(late)} behind the stream${throttled}.`;
}

/** Draw the chain of a snapshot. */
export function chain(snapshot) {
  const { flow, reading } = snapshot;
  const held = stuck(flow);
  const stages = flow ? flow.stages.map((stage) => stageOf(stage, flow, reading, stage === held)) : [];
  const items = flow ? [...stages, lake(snapshot)] : [];
  keyed(at("chain").querySelector("ol"), items, (item) => item.key, node, filled);
  say(at("chain-told"), `${told(flow, held)} ${read(reading)}`);
}
