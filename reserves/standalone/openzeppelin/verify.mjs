// Check a reserve package's plain tree with OpenZeppelin's library:
//   node verify.mjs FOLDER [number of proofs]
// Loads plain.json (every hash of it is made again), compares root, count and sum with report.json, and verifies proofs of
// holders spread over the tree. Exit 0: everything holds.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { StandardMerkleTree } from "@openzeppelin/merkle-tree";

const [folder, proofs = "1000"] = process.argv.slice(2);
const read = (name) => JSON.parse(readFileSync(join(folder, name), "utf8"));
const need = (holds, otherwise) => {
  if (!holds) {
    console.log(`FAIL ${otherwise}`);
    process.exit(1);
  }
};
const seconds = (since) => `(${((performance.now() - since) / 1000).toFixed(1)} s)`;

const owed = read("report.json").liabilities;
let since = performance.now();
const tree = StandardMerkleTree.load(read("plain.json"));
need(tree.root === owed.plain_root, `the root is ${tree.root}, not ${owed.plain_root}`);
console.log(`ok   openzeppelin root ${tree.root} ${seconds(since)}`);

const values = [...tree.entries()].map(([, value]) => value);
const addresses = new Set(values.map(([address]) => address.toLowerCase()));
const total = values.reduce((sum, [, amount]) => sum + BigInt(amount), 0n);
need(addresses.size === values.length && values.length === owed.holders, "an address is there twice, or one is missing");
need(values.every(([, amount]) => BigInt(amount) > 0n), "an amount is not positive");
need(total === BigInt(owed.total_wei), `the sum is ${total}, not ${owed.total_wei}`);
console.log(`ok   openzeppelin total ${total} of ${values.length} holders`);

since = performance.now();
const some = Math.min(Number(proofs), values.length);
for (let i = 0; i < some; i++) {
  const at = Math.floor((i * values.length) / some);
  const path = tree.getProof(at);
  need(StandardMerkleTree.verify(owed.plain_root, ["address", "uint256"], values[at], path), `proof ${at} fails`);
}
console.log(`ok   openzeppelin ${some} proofs ${seconds(since)}`);
