// Runs Slither over src/ (`npm run slither`), in a virtual environment of its own, which the first run makes.
// Fails on a finding of medium or high impact, unless the source explains it (slither-disable-next-line, and why).
import fs from "node:fs";
import path from "node:path";
import process from "node:process";
import { spawnSync } from "node:child_process";
import { binary, forge, root } from "./forge.mjs";

const home = path.join(root, ".slither-venv");
const wanted = fs.readFileSync(path.join(root, "script", "slither.txt"), "utf8");
const marker = path.join(home, "installed.txt");

function run(command, args, options = {}) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: "inherit", ...options });
  if (error) console.error(error.message);
  if (status !== 0) process.exit(status || 1);
}

if (!fs.existsSync(marker) || fs.readFileSync(marker, "utf8") !== wanted) {
  fs.rmSync(home, { recursive: true, force: true });
  run("python3", ["-m", "venv", home]);
  run(path.join(home, "bin", "pip"), ["install", "--quiet", "--disable-pip-version-check", "-r", "script/slither.txt"]);
  fs.writeFileSync(marker, wanted);
}

// Slither reads what forge built, apart from what the tests use; of forge itself it only asks the configuration.
const built = ["--out", "out/slither", "--cache-path", "out/slither/cache"];
fs.rmSync(path.join(root, "out/slither"), { recursive: true, force: true }); // an old build-info would be analysed, too
if (forge("build", ["--build-info", "--skip", "test/**", ...built], { stdio: ["ignore", "ignore", "inherit"] }).status !== 0) process.exit(1);
const PATH = `${path.dirname(binary)}${path.delimiter}${process.env.PATH}`;
const options = ["--ignore-compile", "--foundry-out-directory", "out/slither", "--filter-paths", "node_modules", "--fail-medium"];
run(path.join(home, "bin", "slither"), [".", ...options], { env: { ...process.env, PATH } });
console.log("No finding of medium or high impact that the source does not explain.");
