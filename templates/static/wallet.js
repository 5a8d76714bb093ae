// Sign in with, or add, a wallet: EIP-6963 discovery, EIP-1193 requests, EIP-4361 text made by the server.
// All it needs to know or say stands in [data-wallet] (templates/components/_wallet.html), in the page's language.
"use strict";

(() => {
  const root = document.querySelector("[data-wallet]");
  if (!root) return;
  const { challengeUrl, verifyUrl, csrf, chainName, rpcUrl, explorerUrl } = root.dataset;
  const chainId = Number(root.dataset.chainId);
  const list = root.querySelector("[data-wallet-list]");
  const status = root.querySelector("[data-wallet-status]");
  const none = root.querySelector("[data-wallet-none]");
  const texts = Object.fromEntries(
    Array.from(root.querySelector("[data-wallet-texts]").content.children, (text) => [text.dataset.text, text.textContent]));
  const known = new Set(); // uuids
  let attempt = 0; // only the latest one goes on
  let waiting = null; // the provider that it waits for

  class Ours extends Error {} // its message is for the reader

  const say = (text) => { status.textContent = text; };

  function offer({ uuid, name, rdns, icon }, provider) {
    if (known.has(uuid)) return;
    known.add(uuid);
    none.hidden = true;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "button";
    button.dataset.walletRdns = rdns;
    if (/^data:image\//.test(icon)) { // EIP-6963: a data URI, and nothing else is loaded
      const image = document.createElement("img");
      Object.assign(image, { src: icon, alt: "", width: 20, height: 20 });
      button.append(image, " ");
    }
    button.append(name.slice(0, 40));
    button.addEventListener("click", () => sign(provider));
    list.append(button, " ");
  }

  async function post(url, body) {
    const headers = { "Content-Type": "application/json", "X-CSRFToken": csrf };
    let answer;
    try {
      answer = await fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
    } catch {
      throw new Ours(texts.unreachable);
    }
    const isJson = (answer.headers.get("Content-Type") || "").includes("json");
    const data = isJson ? await answer.json() : {};
    if (!answer.ok) throw new Ours(data.detail || texts.reload);
    return data;
  }

  async function useChain(ask) {
    const chain = { chainId: "0x" + chainId.toString(16) };
    const change = () => ask("wallet_switchEthereumChain", [chain]);
    const isOurs = async () => Number(await ask("eth_chainId")) === chainId;
    if (await isOurs()) return;
    say(texts.switching);
    try {
      await change();
    } catch (error) {
      if (code(error) !== 4902 || !rpcUrl) throw error;
      const currency = { name: "Ether", symbol: "ETH", decimals: 18 };
      const added = { ...chain, chainName, rpcUrls: [rpcUrl], nativeCurrency: currency };
      if (explorerUrl) added.blockExplorerUrls = [explorerUrl];
      await ask("wallet_addEthereumChain", [added]);
      if (!(await isOurs())) await change(); // EIP-3085 leaves open whether an added chain is chosen
    }
    if (!(await isOurs())) throw new Ours(texts.chain);
  }

  async function sign(provider) {
    if (waiting === provider) return say(texts.waiting);
    waiting = provider;
    const mine = ++attempt;
    const unlessLeft = async (promise) => {
      const answer = await promise;
      if (mine !== attempt) throw new Ours(); // another wallet was chosen since
      return answer;
    };
    const ask = (method, params) => unlessLeft(provider.request({ method, params }));
    try {
      say(texts.connect);
      const accounts = await ask("eth_requestAccounts");
      const address = accounts?.[0];
      if (!/^0x[0-9a-f]{40}$/i.test(address)) throw new Ours(texts.locked);
      await useChain(ask);
      const { text } = await unlessLeft(post(challengeUrl, { address, chain_id: chainId }));
      say(texts.sign);
      const bytes = Array.from(new TextEncoder().encode(text), (byte) => byte.toString(16).padStart(2, "0"));
      const signature = await ask("personal_sign", ["0x" + bytes.join(""), address]);
      say(texts.checking);
      const { next } = await post(verifyUrl, { signature: String(signature), next: root.dataset.next });
      location.assign(next);
    } catch (error) {
      if (mine !== attempt) return;
      waiting = null;
      say(explain(error));
    }
  }

  // MetaMask on phones wraps the error that it means.
  const code = (error) => error?.data?.originalError?.code ?? error?.code;

  function explain(error) {
    if (error instanceof Ours) return error.message;
    switch (code(error)) {
      case 4001: return texts.declined;
      case -32002: return texts.waiting;
      case 4100: return texts.unauthorized;
      case 4200: case 4902: case -32601: return texts.chain; // cannot change, does not know ours, knows no such request
      default: return error?.message ? `${texts.failed} ${error.message}` : texts.unanswered;
    }
  }

  addEventListener("eip6963:announceProvider", ({ detail }) => {
    const { info, provider } = detail ?? {};
    const isWhole = ["uuid", "name", "rdns", "icon"].every((field) => typeof info?.[field] === "string");
    if (isWhole && typeof provider?.request === "function") offer(info, provider);
  });
  dispatchEvent(new Event("eip6963:requestProvider"));
  addEventListener("pageshow", () => { waiting = null; }); // back from the page that signing in led to
  setTimeout(() => { // a wallet from before EIP-6963, or none
    const { ethereum } = window;
    if (!known.size && ethereum) offer({ uuid: "injected", name: texts.name, rdns: "injected", icon: "" }, ethereum);
    none.hidden = known.size > 0;
  }, 300);
})();
