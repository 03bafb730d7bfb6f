// A rule that is in no file yet: how many it means, or what is wrong in it, in the words of `mailweir segments check`.

import { el, icon, patch } from "../dom.js";
import { count } from "../format.js";
import { read } from "../answers.js";

export function start() {
  const form = document.getElementById("preview-form");
  form.addEventListener("submit", (event) => { event.preventDefault(); ask(form); });
  form.elements.rule.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });
}

async function ask(form) {
  const button = form.querySelector("button"), body = document.getElementById("preview-body");
  if (button.disabled || !form.elements.rule.value.trim()) return;
  button.disabled = true;
  patch(body, el("p", { class: "muted" }, "Asking the stored events …"));
  const { data, error, findings } = await read("/api/segments/preview", { rule: form.elements.rule.value });
  button.disabled = false;
  patch(body, ...(data ? answer(data) : findings?.length ? said(findings) : [el("p", { class: "wrong" }, error)]));
}

function answer({ id, tenant, size, sample, findings }) {
  return [
    el("p", { class: "verdict" }, `${count(size)} ${size === 1 ? "recipient" : "recipients"} of ${tenant} now in ${id}.`,
      sample.length < size ? el("small", {}, `${count(sample.length)} of them:`) : null),
    sample.length ? el("ul", { class: "keys" }, ...sample.map((key) => el("li", { "data-key": key }, el("code", {}, key)))) : null,
    ...said(findings),
  ];
}

function said(findings) {
  if (!findings.length) return [];
  return [el("ul", { class: "findings" }, ...findings.map(({ severity, place, sentence }) => {
    const tone = severity === "error" ? "paused" : "watch";
    return el("li", { "data-tone": tone }, icon(tone), el("span", {}, el("b", {}, `${severity}: `), place ? el("code", {}, place) : null, place ? ": " : null, ...quoted(sentence)));
  }))];
}

/** What stands between backticks as code. */
const quoted = (sentence) => sentence.split("`").map((part, i) => (i % 2 ? el("code", {}, part) : part));
