// The name that somebody gives where nobody has to log in: kept in this browser, to be offered next time.

export const name = () => { try { return localStorage.getItem("who") ?? ""; } catch { return ""; } };
export const remember = (who) => { try { localStorage.setItem("who", who); } catch { /* private windows may refuse; it is asked again */ } };
