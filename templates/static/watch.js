// "Show it in my wallet": asks the browser's wallets to list the token (EIP-747). Hidden where there is none.
"use strict";

(() => {
  const buttons = document.querySelectorAll("[data-watch]");
  let provider = null;

  function reveal(found) {
    provider ??= found;
    for (const button of buttons) button.hidden = false;
  }

  for (const button of buttons) {
    button.addEventListener("click", async () => {
      const { watch: address, symbol, decimals } = button.dataset;
      const options = { address, symbol, decimals: Number(decimals) };
      try {
        await provider.request({ method: "wallet_watchAsset", params: { type: "ERC20", options } });
      } catch (error) {
        if (error?.code !== 4001) button.hidden = true; // a wallet that cannot
      }
    });
  }

  addEventListener("eip6963:announceProvider", ({ detail }) => { if (detail?.provider) reveal(detail.provider); });
  dispatchEvent(new Event("eip6963:requestProvider"));
  setTimeout(() => { if (!provider && window.ethereum) reveal(window.ethereum); }, 300);
})();
