// Measures one mint beside the plainest token's, and compares all with gas.json (`npm run gas`); `--write` writes that.
import fs from "node:fs";
import path from "node:path";
import process from "node:process";
import { forge, root } from "./forge.mjs";

const LIMIT = 1.6; // times PlainToken's; with a reserve feed, which the plain token has nothing like, of the transaction only
const file = path.join(root, "gas.json");

/** What each test of test/gas measured: the call alone, or (isolated) the transaction that a minter pays for. */
function measure(...options) {
  const { stdout, status } = forge("test", ["--match-path", "test/gas/*", "--json", ...options], {
    stdio: ["ignore", "pipe", "inherit"],
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
  const measured = {};
  for (const suite of Object.values(JSON.parse(stdout.slice(stdout.indexOf("{"))))) {
    for (const [name, { status, reason, gas_snapshots }] of Object.entries(suite.test_results)) {
      if (status !== "Success") console.error(`${name}: ${reason}`);
      for (const [what, gas] of Object.entries(gas_snapshots.mint ?? {})) measured[what] = Number(gas);
    }
  }
  if (status !== 0) process.exit(status ?? 1);
  return measured;
}

const measured = { call: measure(), transaction: measure("--isolate") };
const names = { ours: "RATMintingContract", gated: "the same, with a reserve feed" };
for (const [what, gas] of Object.entries(measured)) {
  for (const receiver of ["newcomer", "holder"]) {
    const plain = gas[`plain to ${receiver}`];
    console.log(`one mint to a ${receiver}, the ${what}: ${plain} gas in the plain token`);
    for (const [token, name] of Object.entries(names)) {
      const ratio = gas[`${token} to ${receiver}`] / plain;
      console.log(`  ${gas[`${token} to ${receiver}`]} (${ratio.toFixed(3)} ×) in ${name}`);
      if (ratio <= LIMIT || (token === "gated" && what === "call")) continue;
      console.error(`  more than ${LIMIT} × the plain token's`);
      process.exitCode = 1;
    }
  }
}

const written = JSON.stringify(measured, null, 2) + "\n";
if (process.argv.includes("--write")) fs.writeFileSync(file, written);
else if (!fs.existsSync(file) || fs.readFileSync(file, "utf8") !== written) {
  console.error(`gas.json says otherwise; if the change is meant, run \`npm run gas -- --write\` and commit it. Measured:\n${written}`);
  process.exitCode = 1;
}
