// Check a holder's inclusion proof where nobody but the holder can meddle with it: in their own browser.
// docs/proof-of-reserves.md has the exact bytes; reserves/merkle.py and verify.py do the same in Python.
//
//   import { verifyProof } from "…/proof.js";
//   const { ok, problem } = verifyProof(proof, { root, total_wei, holders });
//
// `proof` is what /api/v1/reserves/proofs/<asset>/<address> answers; the second argument is the published report's
// `liabilities`. No network, no dependency.

const LIMIT = 1n << 256n;

export function verifyProof(proof, published) {
  try {
    check(proof, published);
    return { ok: true, problem: "" };
  } catch (problem) {
    return { ok: false, problem: problem.message };
  }
}

function check(proof, published) {
  need(proof.format === "agora-por-proof-v1", "the proof is of another format");
  need(same(proof.root, published.root), "the proof is for another root than the published one");
  need(proof.total_wei === published.total_wei, "the proof has another total than the published one");
  need(proof.holders === published.holders, "the proof has another number of holders than the published one");
  const count = whole(proof.holders);
  const index = whole(proof.index);
  need(index < count, "the index is beyond the last holder");
  need(Array.isArray(proof.path) && proof.path.length === depthOf(count), "the path's length does not fit");
  let sum = amount(proof.amount_wei);
  need(sum > 0n, "the amount is zero");
  let node = keccak256(join([0], bytes(proof.address, 20), word(sum), bytes(proof.salt, 32)));
  let place = index;
  let last = count - 1;
  proof.path.forEach((step, height) => {
    const sibling = { hash: bytes(step.hash, 32), sum: amount(step.sum_wei) };
    if ((place ^ 1) > last) {
      const padding = keccak256(Uint8Array.of(2, height));
      need(sibling.sum === 0n && equal(sibling.hash, padding), "something lies beyond the last holder");
    }
    const own = { hash: node, sum };
    const [left, right] = place & 1 ? [sibling, own] : [own, sibling];
    node = keccak256(join([1], left.hash, word(left.sum), right.hash, word(right.sum)));
    sum += sibling.sum;
    need(sum < LIMIT, "a sum is beyond 256 bits");
    place >>>= 1;
    last >>>= 1;
  });
  need(sum === amount(proof.total_wei), "the sums do not make the total");
  const root = keccak256(
    join(
      [3],
      node,
      word(sum),
      word(BigInt(count)),
      word(exact(proof.chain_id)),
      bytes(proof.contract, 20),
      keccak256(new TextEncoder().encode(proof.asset)),
      word(exact(proof.block_number)),
      bytes(proof.block_hash, 32),
    ),
  );
  need(equal(root, bytes(published.root, 32)), "the path leads to another root");
}

function need(holds, otherwise) {
  if (!holds) throw new Error(otherwise);
}

function depthOf(count) {
  let depth = 0;
  for (let last = count - 1; last > 0; last >>>= 1) depth += 1;
  return depth;
}

// An integer that JavaScript keeps exactly and whose bits can be shifted.
function whole(value) {
  need(Number.isInteger(value) && value >= 0 && value <= 0xffffffff, "a number is out of range");
  return value;
}

function exact(value) {
  need(Number.isSafeInteger(value) && value >= 0, "a number is out of range");
  return BigInt(value);
}

function amount(text) {
  need(typeof text === "string" && /^[0-9]{1,78}$/.test(text), "an amount is no whole number of wei");
  const value = BigInt(text);
  need(value < LIMIT, "an amount is beyond 256 bits");
  return value;
}

function bytes(text, size) {
  need(typeof text === "string" && new RegExp(`^0x[0-9a-fA-F]{${2 * size}}$`).test(text), `not 0x and ${size} bytes`);
  return Uint8Array.from({ length: size }, (_, i) => parseInt(text.slice(2 + 2 * i, 4 + 2 * i), 16));
}

function word(value) {
  return bytes("0x" + value.toString(16).padStart(64, "0"), 32);
}

function join(...parts) {
  const out = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

function equal(one, other) {
  return one.length === other.length && one.every((byte, i) => byte === other[i]);
}

function same(one, other) {
  return equal(bytes(one, 32), bytes(other, 32));
}

// --- keccak-256: FIPS 202's permutation, Keccak's own padding --------------------------------------------------------
const LANE = (1n << 64n) - 1n;
const RATE = 136;
const ROUNDS = roundConstants();
const MOVES = laneMoves();

export function keccak256(data) {
  const padded = new Uint8Array(data.length + RATE - (data.length % RATE));
  padded.set(data);
  padded[data.length] ^= 0x01;
  padded[padded.length - 1] ^= 0x80;
  let state = new Array(25).fill(0n);
  const view = new DataView(padded.buffer);
  for (let start = 0; start < padded.length; start += RATE) {
    for (let lane = 0; lane < RATE / 8; lane++) state[lane] ^= view.getBigUint64(start + 8 * lane, true);
    state = permute(state);
  }
  const out = new Uint8Array(32);
  const target = new DataView(out.buffer);
  for (let lane = 0; lane < 4; lane++) target.setBigUint64(8 * lane, state[lane], true);
  return out;
}

function permute(before) {
  let a = before;
  for (const constant of ROUNDS) {
    const c = [0, 1, 2, 3, 4].map((x) => a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20]);
    const d = c.map((_, x) => c[(x + 4) % 5] ^ turn(c[(x + 1) % 5], 1n));
    a = a.map((lane, i) => lane ^ d[i % 5]);
    const b = a.slice();
    for (const [source, target, rotation] of MOVES) b[target] = turn(a[source], rotation);
    a = b.map((lane, i) => {
      const row = i - (i % 5);
      return lane ^ (~b[row + ((i + 1) % 5)] & LANE & b[row + ((i + 2) % 5)]);
    });
    a[0] ^= constant;
  }
  return a;
}

function turn(lane, rotation) {
  return ((lane << rotation) | (lane >> (64n - rotation))) & LANE;
}

// By the shift register of FIPS 202, section 3.2.5.
function roundConstants() {
  const found = [];
  let state = 1;
  for (let round = 0; round < 24; round++) {
    let constant = 0n;
    for (let j = 0; j < 7; j++) {
      if (state & 1) constant |= 1n << ((1n << BigInt(j)) - 1n);
      state = (state << 1) ^ (state & 0x80 ? 0x171 : 0);
    }
    found.push(constant);
  }
  return found;
}

// Steps rho and pi: [from, to, rotation]; lane x, y is number x + 5y.
function laneMoves() {
  const found = [];
  let [x, y] = [1, 0];
  for (let t = 0; t < 24; t++) {
    const source = x + 5 * y;
    [x, y] = [y, (2 * x + 3 * y) % 5];
    found.push([source, x + 5 * y, BigInt(((t + 1) * (t + 2)) / 2 % 64)]);
  }
  return found;
}
