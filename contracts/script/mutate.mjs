// Breaks src/ in one place at a time and asks whether a unit test notices: `npm run mutate`. It takes an even sample of the
// mutants, as many as fit into four minutes on two cores; `--all` takes all of them, `--list` only shows them.
// A mutant that survives and is not among mutants.json's equivalents fails the run.
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import process from "node:process";
import { spawn } from "node:child_process";
import { binary, root, solc } from "./forge.mjs";

const SAMPLE = 50;
const WORKERS = 2;
const FILES = ["RATMintingContract.sol", "ReserveOracle.sol", "token/Enforcement.sol", "token/MintLimits.sol", "token/ReserveGate.sol"];

// [what it does, where it applies, what it becomes]; each match is one mutant
const OPERATORS = [
  ["a check removed", /^(\s*)(?:if \(.*\) revert .*;|if \(.*\) _checkSend.*;|_check\w+\(.*\);)/g, "$1"],
  ["a modifier removed", / (?:onlyRole\(\w+\)|unlessMinted\(\w+\))/g, ""],
  ["a modifier removed", /^(\s+)(?:onlyRole\(\w+\)|unlessMinted\(\w+\))$/g, "$1"],
  ["another role", /\bonlyRole\(DEFAULT_ADMIN_ROLE\)/g, "onlyRole(PAUSER_ROLE)"],
  ["another role", /\b(onlyRole|_checkRole)\((?!DEFAULT)\w+_ROLE\)/g, "$1(DEFAULT_ADMIN_ROLE)"],
  ["> for >=", / >= /g, " > "],
  ["< for <=", / <= /g, " < "],
  [">= for >", / > /g, " >= "],
  ["<= for <", / < (?!.*; )/g, " <= "],
  ["!= for ==", / == /g, " != "],
  ["== for !=", / != /g, " == "],
  ["&& for ||", / \|\| /g, " && "],
  ["|| for &&", / && /g, " || "],
  ["- for +", / \+ /g, " - "],
  ["+ for -", / - (?!1\])/g, " + "],
  ["/ for *", / \* (?=10)/g, " / "],
  ["* for /", / \/ (?=10|1 days)/g, " * "],
  ["the other choice", /\? (.+) : (.+?)(?=;|\)?;|$)/g, "? $2 : $1"],
  ["the other truth", /= true;/g, "= false;"],
  ["the other truth", /= false;/g, "= true;"],
  ["an event not told", /^(\s+)emit \w+\(.*\);/g, "$1"],
  ["a write left out", /^(\s+)(?!\w+ = )[_\w]+(?:\[.*?\])*(?:\.\w+)? = .*;/g, "$1"],
  ["a write left out", /^(\s+)(?:delete .*|_(?:mint|burn|setFrozen|unfreezeFor|spendMintLimits|setTerms|setAttestors|setMinterAllowance)\(.*\));/g, "$1"],
  ["a base left out", /^(\s+)super\._update\(.*\);/g, "$1"],
  ["one more", /\b(128|18|36|16)(?=;)/g, "($1 + 1)"],
  ["one more", /\b(7 days|30 days|1 days)\b/g, "($1 + 1)"],
];

function mutants() {
  const found = [];
  for (const file of FILES) {
    const lines = fs.readFileSync(path.join(root, "src", file), "utf8").split("\n");
    lines.forEach((line, at) => {
      const code = line.replace(/\/\/.*/, ""); // comments stay as they are
      if (/^\s*(import|pragma|event|error|function|using|}|contract|abstract)\b/.test(code) && !/onlyRole|unlessMinted/.test(code)) return;
      for (const [what, pattern, replacement] of OPERATORS) {
        for (const match of code.matchAll(pattern)) {
          const once = new RegExp(pattern.source, "y");
          once.lastIndex = match.index;
          const mutated = code.replace(once, replacement);
          const known = (other) => other.file === file && other.at === at && other.mutated.trim() === mutated.trim();
          if (mutated.trim() === code.trim() || found.some(known)) continue;
          found.push({ file, at, what, line: line.trim(), mutated });
        }
      }
    });
  }
  return found;
}

function workspace() {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "agora-mutants-"));
  for (const name of ["src", "test", "foundry.toml"]) fs.cpSync(path.join(root, name), path.join(folder, name), { recursive: true });
  for (const name of ["invariant", "gas"]) fs.rmSync(path.join(folder, "test", name), { recursive: true }); // unit tests must do
  fs.symlinkSync(path.join(root, "node_modules"), path.join(folder, "node_modules"));
  return folder;
}

/** "passed", "failed" (a test noticed) or "invalid" (does not compile). Unoptimized and with few fuzz runs, to be quick. */
function runTests(folder) {
  const env = { ...process.env, FOUNDRY_OPTIMIZER: "false", FOUNDRY_FUZZ_RUNS: "16", FOUNDRY_DENY: "never" };
  return new Promise((resolve) => {
    const child = spawn(binary, ["test", "--use", solc, "--fail-fast"], { cwd: folder, env });
    let output = "";
    child.stdout.on("data", (data) => (output += data));
    child.stderr.on("data", (data) => (output += data));
    child.on("close", (code) => resolve(code === 0 ? "passed" : /Suite result|\[FAIL/.test(output) ? "failed" : "invalid"));
  });
}

async function work(folder, queue, results) {
  if ((await runTests(folder)) !== "passed") throw new Error("the tests fail before anything is broken");
  for (let mutant = queue.shift(); mutant; mutant = queue.shift()) {
    const file = path.join(folder, "src", mutant.file);
    const original = fs.readFileSync(file, "utf8");
    const lines = original.split("\n");
    lines[mutant.at] = mutant.mutated;
    fs.writeFileSync(file, lines.join("\n"));
    results.push({ ...mutant, outcome: await runTests(folder) });
    if (results.at(-1).outcome === "passed" && !isEquivalent(mutant)) console.error(`survived: ${show(mutant)}`);
    fs.writeFileSync(file, original);
  }
  fs.rmSync(folder, { recursive: true });
}

const equivalents = JSON.parse(fs.readFileSync(path.join(root, "mutants.json"), "utf8"));

function isEquivalent({ file, line, mutated }) {
  return equivalents.some((known) => known.file === file && known.line === line && known.mutated === mutated.trim());
}

function show({ file, at, what, line, mutated }) {
  return `src/${file}:${at + 1}: ${what}\n  - ${line}\n  + ${mutated.trim()}`;
}

const all = mutants();
if (process.argv.includes("--list")) {
  for (const mutant of all) console.log(show(mutant));
  console.log(`${all.length} mutants`);
  process.exit(0);
}
const few = process.argv.includes("--all") ? all : all.filter((_, i) => Math.floor((i * SAMPLE) / all.length) !== Math.floor(((i - 1) * SAMPLE) / all.length));
const started = Date.now();
const results = [];
const queue = [...few];
await Promise.all(Array.from({ length: WORKERS }, () => work(workspace(), queue, results)));

const count = (outcome) => results.filter((result) => result.outcome === outcome).length;
const survivors = results.filter((result) => result.outcome === "passed");
const unexplained = survivors.filter((mutant) => !isEquivalent(mutant));
const killed = count("failed");
const score = ((100 * killed) / (killed + unexplained.length)).toFixed(1);
console.log(`${few.length} of ${all.length} mutants in ${Math.round((Date.now() - started) / 1000)} s: ${killed} killed, ` +
  `${unexplained.length} survived, ${survivors.length - unexplained.length} equivalent (mutants.json), ${count("invalid")} did not compile. Score ${score} %`);
if (unexplained.length) process.exitCode = 1;
