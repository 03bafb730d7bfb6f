// The page of dead letters: groups and list keep themselves fresh; one letter, and processing again, on demand.
// What is looked at stands in the address, so that it can be passed on; ids and names do, contents never.

import { patch } from "./dom.js";
import * as groups from "./letters/groups.js";
import * as letter from "./letters/letter.js";
import * as list from "./letters/list.js";
import * as replay from "./letters/replay.js";
import { read } from "./answers.js";
import { connection, notice } from "./bar.js";

const EVERY_MS = 5_000, SOON_MS = 1_000;
const NAMES = ["tenant", "stage", "code", "source", "state"];
const asked = Object.fromEntries([...new URLSearchParams(location.search)].filter(([name]) => [...NAMES, "id"].includes(name)));
let timer = null, skew = 0, turn = 0, older = [], next = null; // skew: this machine's clock against the server's
const now = () => Date.now() - skew;

function query(more = {}) {
  const given = Object.fromEntries(NAMES.filter((name) => asked[name]).map((name) => [name, asked[name]]));
  return new URLSearchParams({ ...given, ...more }).toString();
}

function remember() {
  const { id } = asked, tail = query(id ? { id } : {});
  history.replaceState(null, "", tail ? `?${tail}` : location.pathname);
}

async function look() {
  clearTimeout(timer);
  const mine = ++turn, { data, error, isAnswer } = await read(`/api/dead-letters?${query()}`);
  if (mine !== turn) return; // another filter was chosen meanwhile
  connection(data ? "live" : "lost");
  notice(isAnswer ? error : "");
  if (data) {
    skew = Date.now() - data.at_ms;
    if (!older.length) next = data.next;
    groups.draw(data, asked, now());
    list.draw([...data.dead_letters, ...older], asked, next, now());
    replay.draw(data.replay, data.can_replay, now());
    letter.refresh(data.dead_letters);
  }
  if (!document.hidden) timer = setTimeout(look, data?.replay?.is_under_way ? SOON_MS : EVERY_MS);
}

function filter(given) {
  for (const name of NAMES) if (name in given) asked[name] = given[name];
  [older, next] = [[], null];
  remember();
  look();
}

async function more() {
  const { data } = await read(`/api/dead-letters?${query({ after: next })}`);
  if (!data) return;
  older = [...older, ...data.dead_letters];
  next = data.next;
  look();
}

function open(id) {
  asked.id = id;
  remember();
  letter.show(id);
}

const again = (what, body) => replay.ask(what, body);
groups.start(filter, again);
list.start(open, filter, more);
letter.start(now, again);
replay.start(look);
document.addEventListener("visibilitychange", () => { if (!document.hidden) look(); });
addEventListener("online", look);
look();
if (asked.id) letter.show(asked.id);
