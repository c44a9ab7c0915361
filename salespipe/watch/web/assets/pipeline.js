// The pipeline as a chain of stages: what passes, how old it is, what failed, and where it is held up.

import { count, length } from "./format.js";
import { at, el, keyed, say, set } from "./dom.js";

const NAMES = { generator: ["Generator", "Lambda", "runs"], table: ["Table", "DynamoDB", "writes"], pipe: ["Pipe", "EventBridge", "events"], stream: ["Stream", "Kinesis", "records"], transform: ["Transform", "Lambda", "records"], delivery: ["Delivery", "Firehose", "records"] };
const SIGNS = { flowing: "\u2713", idle: "\u2013", behind: "!", failing: "\u2715", unknown: "?" };

function node() {
  return el("li", {}, el("p", { class: "stage" }, el("span", { class: "sign", "aria-hidden": "true" }), el("b"), el("span", { class: "soft" })), el("p", { class: "verdict" }), el("p", { class: "rate n" }), el("p", { class: "lag soft" }), el("p", { class: "failed" }), el("p", { class: "why" }), el("p", { class: "held" }));
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
  if (stage.name === "pipe" && reading.pipe_seconds !== null) lags.push(`${length(reading.pipe_seconds)} to the stream`);
  const failing = stage.verdict === "failing", failed = stage.failed && !failing ? [`${count(stage.failed)} failed in ${flow.window_minutes} min`] : [];
  if (stage.name === "pipe" && flow.dead_letters) failed.push(`${count(flow.dead_letters)} dead letters`);
  return {
    key: stage.name, name, of, verdict: stage.verdict, held,
    rate: stage.rate ? `${count(stage.rate.value)}${stage.rate.complete ? "" : "+"} ${unit} a minute` : "",
    lag: lags.join(", "), failed: failed.join(", "), why: stage.why,
  };
}

/** Draw the chain of a snapshot. */
export function chain(snapshot) {
  const { flow, reading, objects, quarantined } = snapshot;
  const held = flow?.stages.find((stage) => stage.verdict === "behind" || stage.verdict === "failing") ?? (flow?.dead_letters ? flow.stages.find((stage) => stage.name === "pipe") : undefined);
  const items = (flow?.stages ?? []).map((stage) => stageOf(stage, flow, reading, stage === held));
  if (flow) {
    items.push({ key: "lake", name: "Lake", of: "S3", verdict: quarantined ? "behind" : objects ? "flowing" : "idle", rate: objects === null ? "" : `${count(objects)} objects`, lag: "", failed: quarantined ? `${count(quarantined)} quarantined` : "", why: "", held: false });
  }
  keyed(at("chain").querySelector("ol"), items, (item) => item.key, node, filled);
  set(at("chain"), { "data-worst": held ? held.verdict : null });
  const behind = reading.shards.map((shard) => shard.behind_seconds).filter((seconds) => seconds !== null);
  const late = Math.max(...behind), throttled = reading.shards.some((shard) => shard.throttled) ? ", held back by the stream's limits" : "";
  const read = !behind.length ? "The stream is not read yet" : late < 0.1 ? "This page is up to date with the stream" : `This page is ${length(late)} behind the stream`;
  const state = !flow ? "Its figures are not known yet." : held ? `Stuck at the ${(NAMES[held.name] ?? [held.name])[0].toLowerCase()}.` : flow.stages.some((stage) => stage.verdict === "flowing") ? "All of it flows." : "Nothing is passing.";
  say(at("chain-told"), `${state} ${read}${throttled}.`);
}
