// Sign in with, or add, a wallet: EIP-6963 discovery, EIP-1193 requests, EIP-4361 text made by the server.
// Everything it needs stands in data-attributes of [data-wallet] (templates/components/_wallet.html).
"use strict";

(() => {
  const root = document.querySelector("[data-wallet]");
  if (!root) return;
  const { challengeUrl, verifyUrl, csrf, chainName, rpcUrl, explorerUrl } = root.dataset;
  const chainId = Number(root.dataset.chainId);
  const chainHex = "0x" + chainId.toString(16);
  const list = root.querySelector("[data-wallet-list]");
  const status = root.querySelector("[data-wallet-status]");
  const none = root.querySelector("[data-wallet-none]");
  const found = new Map(); // rdns → provider
  let busy = false;

  const say = (text) => { status.textContent = text; };

  function offer(name, rdns, icon, provider) {
    if (found.has(rdns)) return;
    found.set(rdns, provider);
    none.hidden = true;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "button";
    button.dataset.walletRdns = rdns;
    if (/^data:image\//.test(icon || "")) { // EIP-6963: a data URI, and nothing else is loaded
      const image = document.createElement("img");
      Object.assign(image, { src: icon, alt: "", width: 20, height: 20 });
      button.append(image, " ");
    }
    button.append(name);
    button.addEventListener("click", () => sign(provider));
    list.append(button, " ");
  }

  async function post(url, body) {
    const answer = await fetch(url, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-CSRFToken": csrf },
      body: JSON.stringify(body),
    });
    const isJson = (answer.headers.get("Content-Type") || "").includes("json");
    const data = isJson ? await answer.json() : {};
    if (!answer.ok) throw new Error(data.detail || "Load this page again, and try once more.");
    return data;
  }

  async function useChain(provider) {
    if (Number(await provider.request({ method: "eth_chainId" })) === chainId) return;
    say(`Your wallet asks whether to change to ${chainName}.`);
    try {
      await provider.request({ method: "wallet_switchEthereumChain", params: [{ chainId: chainHex }] });
    } catch (error) {
      if (code(error) !== 4902 || !rpcUrl) throw error;
      const currency = { name: "Ether", symbol: "ETH", decimals: 18 };
      const chain = { chainId: chainHex, chainName, rpcUrls: [rpcUrl], nativeCurrency: currency };
      if (explorerUrl) chain.blockExplorerUrls = [explorerUrl];
      await provider.request({ method: "wallet_addEthereumChain", params: [chain] });
    }
  }

  async function sign(provider) {
    if (busy) return;
    busy = true;
    try {
      say("Open your wallet and choose an address.");
      const [account] = await provider.request({ method: "eth_requestAccounts" });
      if (!account) throw new Error("Your wallet gave no address. Unlock it and try again.");
      await useChain(provider);
      const { text } = await post(challengeUrl, { address: account, chain_id: chainId });
      say("Read the text in your wallet and sign it.");
      const hex = "0x" + Array.from(new TextEncoder().encode(text), (byte) => byte.toString(16).padStart(2, "0")).join("");
      const signature = await provider.request({ method: "personal_sign", params: [hex, account] });
      say("Checking …");
      const { next } = await post(verifyUrl, { signature, next: root.dataset.next });
      location.assign(next);
    } catch (error) {
      say(explain(error));
    } finally {
      busy = false;
    }
  }

  const code = (error) => error?.data?.originalError?.code ?? error?.code;

  function explain(error) {
    switch (code(error)) {
      case 4001: return "You declined in your wallet. Nothing happened; you can try again.";
      case -32002: return "Your wallet is waiting for you already. Open it and answer there.";
      case 4100: return "Your wallet has not allowed this page to see that address.";
      case 4902: return `Your wallet does not know ${chainName} (network ${chainId}). Add it there and try again.`;
      default: return error?.message || "Your wallet did not answer. Try again.";
    }
  }

  addEventListener("eip6963:announceProvider", ({ detail }) => {
    if (detail?.info && detail.provider) offer(detail.info.name, detail.info.rdns, detail.info.icon, detail.provider);
  });
  dispatchEvent(new Event("eip6963:requestProvider"));
  setTimeout(() => { // a wallet from before EIP-6963, or none
    if (!found.size && window.ethereum) offer("Browser wallet", "injected", "", window.ethereum);
    none.hidden = found.size > 0;
  }, 300);
})();
