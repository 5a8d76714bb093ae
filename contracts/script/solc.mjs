#!/usr/bin/env node
// npm's solc behind the two calls that forge makes of a native one: `--version` and `--standard-json` on standard input.
import process from "node:process";
import { createRequire } from "node:module";

const solc = createRequire(import.meta.url)("solc");
if (process.argv.includes("--version")) {
  console.log(`solc, the solidity compiler commandline interface\nVersion: ${solc.version()}`);
} else if (process.argv.includes("--standard-json")) {
  const chunks = []; // not readFileSync(0), which fails (EAGAIN) whenever it is faster than forge writes
  for await (const chunk of process.stdin) chunks.push(chunk);
  process.stdout.write(solc.compile(Buffer.concat(chunks).toString()));
} else {
  console.error("usage: solc.mjs --version | --standard-json < input.json");
  process.exit(1);
}
