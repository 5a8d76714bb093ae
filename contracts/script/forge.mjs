// forge over npm's compiler, without a network; the other scripts use it.
import fs from "node:fs";
import path from "node:path";
import process from "node:process";
import { spawnSync } from "node:child_process";

export const root = path.resolve(import.meta.dirname, "..");
const packaged = path.join(root, "node_modules/@foundry-rs/forge-linux-amd64/bin/forge");
export const binary = fs.existsSync(packaged) ? packaged : "forge";
export const solc = path.join(root, "script/solc.mjs");

/** Runs one of forge's commands; `options` are spawnSync's. Ends the process if there is no forge. */
export function forge(command, args, options = {}) {
  const result = spawnSync(binary, [command, "--use", solc, ...args], { cwd: root, stdio: "inherit", ...options });
  if (result.error) {
    console.error(`No forge 1.7.1 for ${process.platform}/${process.arch}: run \`npm ci\` in contracts/, or put one on PATH.`);
    process.exit(1);
  }
  return result;
}
