// Measures what the tests run of src/, line and branch; fails below 100 %. `npm run coverage`.
import fs from "node:fs";
import path from "node:path";
import process from "node:process";
import { forge, root } from "./forge.mjs";

const report = path.join(root, "out", "lcov.info");
fs.mkdirSync(path.dirname(report), { recursive: true });
const skipped = ["--no-match-path", "test/{invariant,gas}/*"]; // what they would cover, the unit tests must cover anyway
const { status } = forge("coverage", ["--report", "lcov", "--report-file", report, ...skipped], { stdio: ["ignore", "ignore", "inherit"] });
if (status !== 0) process.exit(status ?? 1);

// lcov: a block a file, "SF:path"; "DA:line,hits"; "BRDA:line,block,branch,hits" ("-": never reached).
let missing = 0;
for (const block of fs.readFileSync(report, "utf8").split("end_of_record")) {
  const file = block.match(/^SF:(.+)$/m)?.[1];
  if (!file?.startsWith("src/")) continue;
  const lines = [...block.matchAll(/^DA:(\d+),(\d+)/gm)].map(([, line, hits]) => ({ line, hits: Number(hits) }));
  const branches = [...block.matchAll(/^BRDA:(\d+),(\d+),(\d+),(\d+|-)/gm)].map(([, line, , , hits]) => ({ line, hits: Number(hits) || 0 }));
  for (const [kind, points] of [["line", lines], ["branch", branches]]) {
    const missed = points.filter(({ hits }) => hits === 0);
    missing += missed.length;
    console.log(`${file}: ${points.length - missed.length} of ${points.length} ${kind === "line" ? "lines" : "branches"}`);
    for (const { line } of missed) console.error(`  ${file}:${line}: a ${kind} that no test runs`);
  }
}
if (missing) process.exit(1);
console.log("100 % of the lines and of the branches of src/");
