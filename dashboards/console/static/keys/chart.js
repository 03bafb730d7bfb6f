// A score over time with its interval as a band, and decisions marked.

import { drawMarks } from "../charts.js";

const DAY_S = 86_400;
const near = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const far = new Intl.DateTimeFormat("en-GB", { weekday: "short", hour: "2-digit", minute: "2-digit" });
const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

export class ScoreChart {
  constructor(box) {
    Object.assign(this, { box, plot: null, data: null, marks: [], span: [0, 1] });
    new ResizeObserver(() => (this.plot ? this.plot.setSize(this.size()) : this.draw())).observe(box);
    addEventListener("themechange", () => this.redraw());
  }

  /** history: rows of {time, score, low, high} in ms; marks {time, tone} and span [from, to] in seconds. */
  set(history, marks, span) {
    this.data = [history.map((row) => row.time / 1000), ...["high", "low", "score"].map((name) => history.map((row) => row[name]))];
    Object.assign(this, { marks, span });
    this.redraw();
  }

  redraw() {
    this.plot?.destroy();
    this.plot = null;
    this.draw();
  }

  draw() {
    if (!this.data || typeof uPlot === "undefined" || !this.box.clientWidth) return;
    this.plot = new uPlot(this.options(), this.data, this.box);
  }

  size() {
    return { width: this.box.clientWidth, height: this.box.clientHeight };
  }

  options() {
    const colour = css("--accent"), clock = this.span[1] - this.span[0] > DAY_S ? far : near;
    const axis = { stroke: css("--ink-3"), font: "11.5px Inter, system-ui, sans-serif", grid: { stroke: css("--line"), width: 1 }, ticks: { show: false } };
    const edge = { stroke: "transparent", points: { show: false } };
    return {
      ...this.size(),
      padding: [8, 18, 0, 0],
      legend: { show: false },
      cursor: { drag: { x: false, y: false }, points: { size: 6, width: 2 } },
      scales: { x: { range: () => this.span }, y: { range: () => [0, 102] } },
      axes: [{ ...axis, grid: { show: false }, size: 26, space: 90, values: (_u, ticks) => ticks.map((s) => clock.format(s * 1000)) }, { ...axis, size: 40, gap: 6, space: 34 }],
      bands: [{ series: [1, 2], fill: `${colour}2b` }],
      series: [{}, edge, edge, { stroke: colour, width: 1.75, points: { show: this.data[0].length < 3, size: 6 } }],
      hooks: { draw: [(u) => drawMarks(u, this.marks)] },
    };
  }
}
