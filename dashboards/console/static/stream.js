// The live connection: server-sent events; polling where they do not get through; nothing while the tab is hidden.

const SILENCE_MS = 8_000; // four pulses
const POLL_MS = 5_000;
const HIDDEN_MS = 30_000;

/** Calls onPanel(name, panel), onPulse(pulse) and onState("live" | "lost" | "polling"). */
export function connect(names, { onPanel, onPulse, onState }) {
  let source = null, poller = null, heard = Date.now(), hiding = null;

  function open() {
    close();
    heard = Date.now();
    source = new EventSource("/api/stream");
    source.addEventListener("pulse", (event) => { heard = Date.now(); onState("live"); onPulse(JSON.parse(event.data)); });
    for (const name of names) {
      source.addEventListener(name, (event) => { heard = Date.now(); onPanel(name, JSON.parse(event.data)); });
    }
    source.onerror = () => {
      onState("lost");
      if (source.readyState === EventSource.CLOSED) poll();
    };
  }

  function close() {
    source?.close();
    clearTimeout(poller);
    source = poller = null;
  }

  async function poll() {
    close();
    try {
      const answer = await fetch("/api/overview", { signal: AbortSignal.timeout(POLL_MS) });
      if (!answer.ok) throw new Error(answer.statusText);
      const overview = await answer.json();
      for (const [name, panel] of Object.entries(overview.panels)) onPanel(name, panel);
      onPulse(overview);
      onState("polling");
    } catch {
      onState("lost");
    }
    poller = setTimeout(poll, POLL_MS);
  }

  setInterval(() => { if (source && Date.now() - heard > SILENCE_MS) { onState("lost"); open(); } }, 2_000);
  document.addEventListener("visibilitychange", () => {
    clearTimeout(hiding);
    if (document.hidden) hiding = setTimeout(close, HIDDEN_MS);
    else if (!source) open();
  });
  addEventListener("online", open);
  open();
}
