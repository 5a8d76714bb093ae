// Compiles src/ into artifacts/ (`npm run build`), or says whether the committed artifacts, and the hashes that AUDIT.md
// names, are what src/ gives (`--check`).
import fs from "node:fs";
import path from "node:path";
import process from "node:process";
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
const solc = require("solc");
const { keccak256 } = require("js-sha3");
const root = path.resolve(import.meta.dirname, "..");
const read = (key) => fs.readFileSync(path.join(root, key), "utf8");

// Every line of this is hashed into the bytecode's metadata, as are the sources' keys: they are paths from contracts/,
// as forge has them, so that either compiler gives the same bytes. foundry.toml must say the same.
const settings = {
  remappings: ["@openzeppelin/=node_modules/@openzeppelin/"],
  optimizer: { enabled: true, runs: 200 },
  evmVersion: "cancun",
  viaIR: false,
  metadata: { bytecodeHash: "ipfs", useLiteralContent: false },
};

function compile(keys) {
  const outputs = ["bytecode.object", "deployedBytecode.object", "deployedBytecode.immutableReferences"];
  const wanted = { "*": ["abi", ...outputs.map((output) => `evm.${output}`)] };
  const outputSelection = Object.fromEntries(keys.map((key) => [key, wanted]));
  const sources = Object.fromEntries(keys.map((key) => [key, { content: read(key) }]));
  const input = { language: "Solidity", sources, settings: { ...settings, outputSelection } };
  const output = JSON.parse(solc.compile(JSON.stringify(input), { import: (key) => ({ contents: read(key) }) }));
  for (const problem of output.errors ?? []) console.error(problem.formattedMessage);
  if (output.errors?.length) process.exit(1); // a warning is an error
  return Object.entries(output.contracts).flatMap(([source, found]) =>
    Object.entries(found)
      .filter(([, { evm }]) => evm.bytecode.object) // not the interfaces and the bases
      .map(([name, { abi, evm }]) => ({
        contract: name,
        source,
        compiler: solc.version(),
        settings,
        abi,
        bytecode: "0x" + evm.bytecode.object,
        deployedBytecode: "0x" + evm.deployedBytecode.object,
        immutables: immutables(evm.deployedBytecode.immutableReferences),
        templateHash: "0x" + keccak256(Buffer.from(evm.deployedBytecode.object, "hex")),
      })),
  );
}

// Where in the runtime code the constructor writes, in bytes. The compiler leaves zeros there, so `templateHash` is the
// hash of any deployment's code with these places set to zero: whatever the constructor was given, one source, one hash.
function immutables(references) {
  const places = Object.values(references).flat();
  return places.sort((one, other) => one.start - other.start).map(({ start, length }) => ({ start, length }));
}

function check(file, text) {
  const committed = fs.existsSync(file) ? JSON.parse(fs.readFileSync(file, "utf8")) : {};
  const built = JSON.parse(text);
  const fields = Object.keys({ ...built, ...committed });
  const differing = fields.filter((field) => JSON.stringify(built[field]) !== JSON.stringify(committed[field]));
  if (fs.existsSync(file) && fs.readFileSync(file, "utf8") === text) return true;
  console.error(`${path.relative(root, file)} is not what src/ gives: ${differing.join(", ") || "formatting"} differs.`);
  console.error("Run `npm run build` in contracts/ and commit the result.");
  return false;
}

function checkAudit({ contract, templateHash }) {
  if (read("AUDIT.md").includes(`| ${contract} | \`${templateHash}\` |`)) return true;
  console.error(`AUDIT.md names another code of ${contract} than src/ gives, ${templateHash}.`);
  return false;
}

const sources = fs.readdirSync(path.join(root, "src"), { recursive: true }).filter((name) => name.endsWith(".sol"));
const checking = process.argv.includes("--check");
for (const artifact of compile(sources.map((name) => `src/${name}`).sort())) {
  const file = path.join(root, "artifacts", `${artifact.contract}.json`);
  const text = JSON.stringify(artifact, null, 2) + "\n";
  if (!checking) {
    fs.writeFileSync(file, text);
    console.log(`${artifact.contract}: ${artifact.templateHash}`);
  } else if (![check(file, text), checkAudit(artifact)].every(Boolean)) process.exitCode = 1;
}
