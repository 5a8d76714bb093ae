// Puts src/ and test/ in shape (`npm run format`), or says what is not (`--check`).
import process from "node:process";
import { binary, root } from "./forge.mjs";
import { spawnSync } from "node:child_process";

process.exit(spawnSync(binary, ["fmt", ...process.argv.slice(2)], { cwd: root, stdio: "inherit" }).status ?? 1);
