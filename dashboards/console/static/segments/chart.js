// The size of a segment over time, as steps: between two points nobody knows better.

import { tick } from "../format.js";

const DAY_S = 86_400;
const hour = new Intl.DateTimeFormat("en-GB", { weekday: "short", hour: "2-digit", minute: "2-digit" });
const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

export class SizeChart {
  constructor(box) {
    Object.assign(this, { box, plot: null, data: null });
    new ResizeObserver(() => this.plot?.setSize(this.size())).observe(box);
    addEventListener("themechange", () => { this.plot?.destroy(); this.plot = null; this.draw(); });
  }

  /** times in seconds, sizes in recipients. */
  set(times, sizes) {
    this.data = [times, sizes];
    this.draw();
  }

  draw() {
    if (!this.data || typeof uPlot === "undefined" || !this.box.clientWidth) return;
    if (this.plot) this.plot.setData(this.data);
    else this.plot = new uPlot(this.options(), this.data, this.box);
  }

  size() {
    return { width: this.box.clientWidth, height: this.box.clientHeight };
  }

  options() {
    const colour = css("--accent");
    const axis = { stroke: css("--ink-3"), font: "11.5px Inter, system-ui, sans-serif", grid: { stroke: css("--line"), width: 1 }, ticks: { show: false } };
    return {
      ...this.size(),
      padding: [8, 18, 0, 0],
      legend: { show: false },
      cursor: { drag: { x: false, y: false }, points: { size: 6, width: 2 } },
      scales: { y: { range: (_u, _min, max) => [0, Math.max(max * 1.12, 1)] } },
      axes: [{ ...axis, grid: { show: false }, size: 26, space: 80, values: (_u, ticks, _axis, _space, step) => ticks.map((s) => (step < DAY_S ? hour : day).format(s * 1000)) }, { ...axis, size: 48, gap: 6, space: 34, values: (_u, ticks) => ticks.map((n) => (Number.isInteger(n) ? tick(n) : "")) }],
      series: [{}, { stroke: colour, width: 1.75, fill: `${colour}1f`, paths: uPlot.paths.stepped({ align: 1 }), points: { show: false } }],
    };
  }
}
