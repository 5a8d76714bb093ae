// Runs the tests: `npm test`, `npm test -- --match-test replay -vvv`.
import process from "node:process";
import { forge } from "./forge.mjs";

process.exit(forge("test", process.argv.slice(2)).status ?? 1);
