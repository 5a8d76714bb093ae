// Comfort for forms; each works without it. A tax id gets its dots and dash as it is typed.
"use strict";

(() => {
  const taxId = document.querySelector("[data-tax-id]");
  if (!taxId) return;
  const country = () => document.querySelector("[name=country]:checked")?.value;

  function mask(digits) {
    if (country() === "PY") return digits.length > 4 ? `${digits.slice(0, -1)}-${digits.slice(-1)}` : digits;
    const [a, b, c, d] = [digits.slice(0, 3), digits.slice(3, 6), digits.slice(6, 9), digits.slice(9, 11)];
    return a + (b && "." + b) + (c && "." + c) + (d && "-" + d);
  }

  taxId.addEventListener("input", () => {
    if (taxId.selectionStart !== taxId.value.length) return; // someone corrects the middle: leave the caret alone
    taxId.value = mask(taxId.value.replace(/\D/g, "").slice(0, country() === "PY" ? 9 : 11));
  });
})();
