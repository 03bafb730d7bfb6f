// The page of segments: a list that keeps itself fresh, one of them in detail, and two questions to ask.

import { patch } from "./dom.js";
import * as detail from "./segments/detail.js";
import * as explain from "./segments/explain.js";
import * as list from "./segments/list.js";
import * as preview from "./segments/preview.js";
import { read } from "./segments/answers.js";

const EVERY_MS = 5_000;
const STATES = { live: "Live", lost: "Connection lost, trying again" };
let timer = null, skew = 0; // this machine's clock against the server's
const now = () => Date.now() - skew;

function onState(state) {
  const link = document.getElementById("link");
  link.dataset.state = state;
  link.lastElementChild.textContent = STATES[state];
}

function notice(text) {
  const box = document.getElementById("notice");
  box.hidden = !text;
  patch(box, text || "");
}

async function look() {
  clearTimeout(timer);
  const { data, error, isAnswer } = await read("/api/segments");
  onState(data ? "live" : "lost");
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
