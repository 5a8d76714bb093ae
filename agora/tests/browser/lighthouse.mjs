// One Lighthouse run in a Chromium of its own with an empty profile. Standard input: {url, cookies, chromium, flags,
// strategy}; output: the categories' scores in per cent, and the audits that cost something.
import lighthouse, { desktopConfig } from "lighthouse";
import puppeteer from "puppeteer-core";

const WITHIN = 110_000; // milliseconds

const chunks = [];
for await (const chunk of process.stdin) chunks.push(chunk);
const { url, cookies, chromium, flags, strategy } = JSON.parse(Buffer.concat(chunks).toString());

const browser = await puppeteer.launch({ executablePath: chromium, args: flags });
const limit = setTimeout(() => browser.process().kill("SIGKILL"), WITHIN);
try {
  // In the jar, as a person's are: a Cookie header from outside would lose to the first cookie that the site sets.
  if (cookies.length) await browser.setCookie(...cookies);
  const page = await browser.newPage();
  const options = { output: "json", logLevel: "error", onlyCategories: ["performance", "accessibility", "best-practices"] };
  const { lhr } = await lighthouse(url, options, strategy === "desktop" ? desktopConfig : undefined, page);
  console.log(JSON.stringify(summary(lhr)));
} finally {
  clearTimeout(limit);
  await browser.close();
}

function summary(lhr) {
  const scores = {};
  const lost = [];
  for (const [id, category] of Object.entries(lhr.categories)) {
    scores[id] = Math.round((category.score ?? 0) * 100);
    for (const { id: audit, weight } of category.auditRefs) {
      const { score, title, displayValue, details } = lhr.audits[audit];
      if (!weight || score === null || score >= 0.995) continue;
      const items = JSON.stringify(details?.items?.slice(0, 3) ?? "").slice(0, 400);
      lost.push(`${id}: ${audit} ${Math.round(score * 100)} (weight ${weight}): ${title} ${displayValue ?? ""} ${items}`);
    }
  }
  return { finalUrl: lhr.finalDisplayedUrl, error: lhr.runtimeError?.message ?? "", scores, lost };
}
