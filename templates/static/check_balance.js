// Checks the balance that /reserves/?address=… shows against the published root, here in the browser.
"use strict";

(async () => {
  for (const place of document.querySelectorAll("[data-proof]")) {
    const { proof, published } = JSON.parse(document.getElementById(place.dataset.proof).textContent);
    const { verifyProof } = await import(place.dataset.module);
    const { ok, problem } = verifyProof(proof, published);
    place.querySelector(ok ? "[data-holds]" : "[data-fails]").hidden = false;
    if (!ok) place.querySelector("[data-problem]").textContent = problem;
  }
})();
