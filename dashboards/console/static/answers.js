// What the API says: the data, or one sentence about why there is none.

const TIMEOUT_MS = 15_000; // longer than the store may take
const SILENCE = "The console did not answer. Try again.";

/** {data} or {error, data: null}; `isAnswer` tells a refusal from silence; `findings` come with a rule that is wrong. */
export async function read(path, body = null) {
  const posted = body && { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  try {
    const answer = await fetch(path, { ...posted, signal: AbortSignal.timeout(TIMEOUT_MS) });
    const data = await answer.json();
    return answer.ok ? { data, error: "", isAnswer: true } : { data: null, error: data.error, findings: data.findings, isAnswer: true };
  } catch {
    return { data: null, error: SILENCE, isAnswer: false };
  }
}
