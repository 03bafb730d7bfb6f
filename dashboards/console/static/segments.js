// The page of segments: a list that keeps itself fresh, one of them in detail, and two questions to ask.

import { read } from "./answers.js";
import { connection, notice } from "./bar.js";
import * as detail from "./segments/detail.js";
import * as explain from "./segments/explain.js";
import * as list from "./segments/list.js";
import * as preview from "./segments/preview.js";

const EVERY_MS = 5_000;
let timer = null, skew = 0; // this machine's clock against the server's
const now = () => Date.now() - skew;

async function look() {
  clearTimeout(timer);
  const { data, error, isAnswer } = await read("/api/segments");
  connection(data ? "live" : "lost");
  if (data) {
    skew = Date.now() - data.at_ms;
    detail.follow(data.segments);
    list.draw(data, detail.chosen(), now());
    explain.draw(data.segments);
  }
  notice(data?.wrong ? `The files of segments are wrong, so the rules below are those from before: ${data.wrong}` : isAnswer ? error : "");
  if (!document.hidden) timer = setTimeout(look, EVERY_MS);
}

list.start((place) => { detail.choose(place); look(); });
detail.start(now);
explain.start(now);
preview.start();
document.addEventListener("visibilitychange", () => { if (!document.hidden) look(); });
addEventListener("online", look);
look();
