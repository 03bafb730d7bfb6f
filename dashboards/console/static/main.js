// Puts answers from the stream into the panels. Each panel says which queries it draws and how.

import { connection, notice } from "./bar.js";
import * as decisions from "./panels/decisions.js";
import * as failures from "./panels/failures.js";
import * as flow from "./panels/flow.js";
import * as hero from "./panels/hero.js";
import * as pipeline from "./panels/pipeline.js";
import * as providers from "./panels/providers.js";
import * as refusals from "./panels/refusals.js";
import * as reputation from "./panels/reputation.js";
import * as tiles from "./panels/tiles.js";
import { connect } from "./stream.js";
import { ago, time } from "./format.js";

const PANELS = [hero, tiles, flow, decisions, reputation, providers, refusals, failures, pipeline];
const QUERIES = [...new Set(PANELS.flatMap((panel) => panel.needs))].filter((name) => name !== "pulse");
const answers = {};
let skew = 0; // this machine's clock against the server's
const now = () => Date.now() - skew;

function draw(name) {
  for (const panel of PANELS) if (panel.needs.includes(name)) panel.draw(answers, now());
}

function records({ columns, rows }) {
  return rows.map((row) => Object.fromEntries(columns.map((column, i) => [column, row[i]])));
}

function onPanel(name, panel) {
  if (!panel.at_ms) return; // never answered; no rows is an answer
  answers[name] = { ...panel, records: records(panel) };
  draw(name);
}

function onPulse(pulse) {
  skew = Date.now() - pulse.at_ms;
  answers.pulse = pulse;
  notice(pulse.store.is_well ? "" : `${pulse.store.sentence} (since ${time(pulse.store.since_ms)}, ${ago(pulse.store.since_ms, now())})`);
  draw("pulse");
}

for (const panel of PANELS) panel.start?.(() => panel.draw(answers, now()));
connect(QUERIES, { onPanel, onPulse, onState: connection });
