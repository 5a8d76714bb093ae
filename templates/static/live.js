// Keeps [data-live] as it is on the server: asks every 0.7 s while the page is looked at, with the ETag of what it
// shows (304 costs next to nothing), stops when the server says that nothing more will come, slows down on trouble.
"use strict";

(() => {
  const part = document.querySelector("[data-live]");
  const trouble = document.querySelector("[data-live-trouble]");
  const mayCancel = document.querySelector("[data-may-cancel]");
  if (!part) return;
  const EVERY = 700; // ms
  let etag = "";
  let failures = 0;
  let timer = 0;

  const later = () => { timer = setTimeout(ask, Math.min(EVERY * 2 ** failures, 10_000)); };

  async function ask() {
    clearTimeout(timer);
    if (document.hidden) return;
    try {
      const answer = await fetch(part.dataset.live, {
        headers: etag ? { "If-None-Match": etag } : {},
        cache: "no-store",
        redirect: "manual",
        signal: AbortSignal.timeout(5000),
      });
      if (answer.type === "opaqueredirect" || answer.status === 404) return location.reload(); // signed out meanwhile
      if (answer.status === 200) {
        etag = answer.headers.get("ETag") || "";
        const html = await answer.text();
        if (part.innerHTML !== html) part.innerHTML = html;
        if (mayCancel && answer.headers.get("X-May-Cancel") === "0") mayCancel.hidden = true;
        if (answer.headers.get("X-Live") === "0") {
          trouble.hidden = true;
          return part.dispatchEvent(new Event("done", { bubbles: true }));
        }
      } else if (answer.status !== 304) throw new Error(answer.status);
      failures = 0;
    } catch {
      failures = Math.min(failures + 1, 5);
    }
    trouble.hidden = failures < 3;
    later();
  }

  document.addEventListener("visibilitychange", () => { if (!document.hidden) ask(); });
  later();
})();
