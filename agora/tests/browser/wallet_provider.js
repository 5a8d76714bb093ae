// An EIP-1193 provider announced by EIP-6963, put into each page before its own scripts run. It decides nothing:
// every request goes to Python (agora/tests/browser/wallets.py), which holds the keys.
(wallets) => {
  const provider = (id) => ({
    request: async ({ method, params }) => {
      const answer = await window.__agoraWallet(id, method, params ?? null);
      if (answer.hangs) return new Promise(() => {});
      if (answer.error) throw "code" in answer.error ? Object.assign(new Error(answer.error.message), answer.error) : undefined;
      return answer.result;
    },
    on() {},
    removeListener() {},
  });
  for (const wallet of wallets) {
    const own = provider(wallet.id);
    if (wallet.legacy) {
      window.ethereum = own;
      continue;
    }
    const announce = () => {
      const detail = Object.freeze({ info: Object.freeze(wallet.info), provider: own });
      window.dispatchEvent(new CustomEvent("eip6963:announceProvider", { detail }));
    };
    const hear = () => window.addEventListener("eip6963:requestProvider", announce);
    if (wallet.announcesAfter) setTimeout(() => { hear(); announce(); }, wallet.announcesAfter);
    else { hear(); announce(); }
  }
}
