// uPlot with the page's colours, a legend of buttons that also reads values at the cursor, and marks for decisions.

import { el, svg, patch } from "./dom.js";
import { rate, tick } from "./format.js";

const STEPS_S = [10, 15, 30, 60, 120, 300, 600];
const DASHES = { solid: [], dashed: [6, 4], dotted: [2, 3] };
const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** One chart over shared times. `series`: [{name, label, dash, fill}], colours from --s-<name>. */
export class RateChart {
  constructor(box, legend, series) {
    Object.assign(this, { box, legend, series, plot: null, data: null, marks: [], hidden: new Set() });
    legend.addEventListener("click", (event) => this.toggle(event.target.closest("button")?.dataset.name));
    new ResizeObserver(() => this.plot?.setSize(this.size())).observe(box);
    addEventListener("themechange", () => { this.plot?.destroy(); this.plot = null; this.draw(); });
  }

  /** times in seconds; columns by series name; marks [{time, tone}]; span [from, to] in seconds. */
  set(times, columns, marks, span) {
    this.data = [times, ...this.series.map(({ name }) => columns[name])];
    this.marks = marks;
    this.span = span;
    this.draw();
  }

  draw() {
    if (!this.data || typeof uPlot === "undefined") return;
    if (!this.plot) this.plot = new uPlot(this.options(), this.data, this.box);
    else this.plot.setData(this.data);
    this.read(this.plot.cursor.idx);
  }

  toggle(name) {
    if (!name) return;
    if (!this.hidden.delete(name)) this.hidden.add(name);
    this.series.forEach((s, i) => this.plot?.setSeries(i + 1, { show: !this.hidden.has(s.name) }));
    this.read(this.plot?.cursor.idx);
  }

  /** Values at the cursor, else the newest ones, beside the names. */
  read(index) {
    const at = index ?? this.data[0].length - 1;
    patch(this.legend, ...this.series.map((s, i) => sample(s, this.data[i + 1][at], this.hidden.has(s.name))));
  }

  size() {
    return { width: this.box.clientWidth, height: this.box.clientHeight };
  }

  options() {
    const axis = { stroke: css("--ink-3"), font: `11.5px Inter, system-ui, sans-serif`, grid: { stroke: css("--line"), width: 1 }, ticks: { show: false } };
    return {
      ...this.size(),
      padding: [8, 18, 0, 0],
      legend: { show: false },
      cursor: { sync: { key: "flow" }, drag: { x: false, y: false }, points: { size: 6, width: 2 } },
      scales: { x: { range: () => this.span }, y: { range: (_u, _min, max) => [0, Math.max(max * 1.12, 1)] } },
      axes: [
        { ...axis, grid: { show: false }, size: 26, space: 60, incrs: STEPS_S, values: (_u, ticks) => ticks.map(clock) },
        { ...axis, size: 40, gap: 6, space: 30, values: (_u, ticks) => ticks.map(tick) },
      ],
      series: [{}, ...this.series.map((s) => this.line(s))],
      hooks: { setCursor: [(u) => this.read(u.cursor.idx)], draw: [(u) => drawMarks(u, this.marks)] },
    };
  }

  line({ name, dash = "solid", fill }) {
    const colour = css(`--s-${name}`);
    return { stroke: colour, width: 1.75, dash: DASHES[dash], points: { show: false }, show: !this.hidden.has(name), fill: fill ? `${colour}1f` : undefined };
  }
}

/** Upright lines over a plot: marks are {time, tone}, in seconds. */
export function drawMarks(u, marks) {
  const { ctx, bbox } = u;
  ctx.save();
  ctx.setLineDash([]);
  for (const { time, tone } of marks) {
    const x = Math.round(u.valToPos(time, "x", true));
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    ctx.strokeStyle = ctx.fillStyle = css(`--${tone}`);
    ctx.lineWidth = 1.5 * devicePixelRatio;
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    ctx.fillRect(x - 4 * devicePixelRatio, bbox.top, 8 * devicePixelRatio, 8 * devicePixelRatio);
  }
  ctx.restore();
}

function clock(seconds) {
  const at = new Date(seconds * 1000);
  const two = (n) => String(n).padStart(2, "0");
  const text = `${two(at.getHours())}:${two(at.getMinutes())}`;
  return at.getSeconds() ? `${text}:${two(at.getSeconds())}` : text;
}

function sample({ name, label, dash = "solid" }, value, isHidden) {
  const line = svg("line", { x1: 0, x2: 18, y1: 4, y2: 4, stroke: "currentColor", "stroke-width": 2.5, "stroke-dasharray": DASHES[dash].join(" ") || null });
  const button = el("button", { type: "button", "data-key": name, "data-name": name, "aria-pressed": String(!isHidden) }, svg("svg", { viewBox: "0 0 18 8", "aria-hidden": "true" }, line), el("span", {}, label), el("b", {}, rate(value)));
  button.style.setProperty("--series", `var(--s-${name})`);
  return button;
}

/** A small line of values without axes; hidden from screen readers, the figure beside it says it. */
export function spark(values, series = null, { low = 0, high = null } = {}) {
  const top = high ?? Math.max(...values, 1e-9) * 1.05;
  const step = 100 / Math.max(1, values.length - 1);
  const points = values.map((v, i) => `${(i * step).toFixed(1)},${(30 - ((v - low) / (top - low || 1)) * 28).toFixed(1)}`);
  const node = svg("svg", { class: "spark", viewBox: "0 0 100 30", preserveAspectRatio: "none", "aria-hidden": "true" },
    svg("path", { class: "area", d: points.length > 1 ? `M0,30 L${points.join(" L")} L100,30 Z` : "" }),
    svg("path", { class: "line", d: points.length > 1 ? `M${points.join(" L")}` : "" }));
  if (series) node.style.setProperty("--series", `var(--s-${series})`);
  return node;
}
