// Runs forge's tests with npm's compiler, without a network: `npm test -- --match-test replay`.
import fs from "node:fs";
import path from "node:path";
import process from "node:process";
import { spawnSync } from "node:child_process";

const root = path.resolve(import.meta.dirname, "..");
const packaged = path.join(root, "node_modules/@foundry-rs/forge-linux-amd64/bin/forge");
const forge = fs.existsSync(packaged) ? packaged : "forge";
const solc = path.join(root, "script/solc.mjs");
const { status, error } = spawnSync(forge, ["test", "--use", solc, ...process.argv.slice(2)], { cwd: root, stdio: "inherit" });
if (error) {
  console.error(`No forge 1.7.1 for ${process.platform}/${process.arch}: run \`npm ci\` in contracts/, or put one on PATH.`);
}
process.exit(status ?? 1);
