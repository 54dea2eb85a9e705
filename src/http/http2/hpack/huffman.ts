/**
 * The length of each byte's code in bits, as a digit of base 36 (RFC 7541 appendix B). The code is canonical: shorter
 * codes come first, and those of one length in the order of their bytes.
 */
const codeLengths =
  "dnsssssssoussussssssssusssssssss6aacd68baa8b8666555666666678f6ca" +
  "d67777777777777777777777878djde6f56565666577666567655677777fbeds" +
  "kmkkmmmnmnnnnnonoomnonnnnlmnmnnomlkmmnnlnmmolmnnllmnlmnnkmmmnmmn" +
  "qqkjmnmpqqqrrqopjlqrrqrollqqsrrrkoklmllnmmppooqnqrqqrrrrrsrrrrrq";
const longestCode = 30;

const lengths = Uint8Array.from(codeLengths, (digit) => Number.parseInt(digit, 36));
const codes = canonicalCodes();

function canonicalCodes(): Uint32Array {
  const found = new Uint32Array(256);
  let next = 0;
  for (let length = 1; length <= longestCode; length++) {
    next *= 2;
    for (let byte = 0; byte < 256; byte++) if (lengths[byte] === length) found[byte] = next++;
  }
  return found;
}

/** @returns how many bytes the text has in this code. @param text a byte per character. */
export function huffmanLength(text: string): number {
  let bits = 0;
  for (let at = 0; at < text.length; at++) bits += lengths[text.charCodeAt(at) & 0xff]!;
  return (bits + 7) >> 3;
}

/** Writes a text in this code (RFC 7541 section 5.2). @returns where it ends. */
export function writeHuffman(text: string, into: Uint8Array, at: number): number {
  let held = 0;
  let bits = 0;
  let end = at;
  for (let index = 0; index < text.length; index++) {
    const byte = text.charCodeAt(index) & 0xff;
    let left = lengths[byte]!;
    // At most 7 bits are held, so that up to 24 more fit into an integer.
    while (left > 0) {
      const taken = Math.min(left, 24);
      left -= taken;
      held = (held << taken) | ((codes[byte]! >>> left) & ((1 << taken) - 1));
      bits += taken;
      while (bits >= 8) {
        bits -= 8;
        into[end++] = held >>> bits;
        held &= (1 << bits) - 1;
      }
    }
  }
  if (bits > 0) into[end++] = (held << (8 - bits)) | (0xff >> bits);
  return end;
}

/*
 * The decoder takes four bits at a time. A state is an inner node of the tree of codes. For each state and nibble there
 * is the next state, and whether a byte was completed, which one, and whether the text may end there.
 */
const emits = 1;
const fails = 2;
const states = 256;
const nextState = new Uint8Array(states * 16);
const outcome = new Uint8Array(states * 16);
const emitted = new Uint8Array(states * 16);
/** 1 where what was read since the last byte is nothing or the padding: fewer than 8 bits, all of them 1. */
const mayEnd = new Uint8Array(states);
buildStates();

function buildStates(): void {
  // Inner nodes by their path with a leading 1, leaves likewise.
  const nodes = new Map<number, number>([[1, 0]]);
  const leaves = new Map<number, number>();
  const open = [{ depth: 0, path: 0 }];
  for (let byte = 0; byte < 256; byte++) leaves.set(2 ** lengths[byte]! + codes[byte]!, byte);
  for (const { depth, path } of open) {
    const key = 2 ** depth + path;
    mayEnd[nodes.get(key)!] = depth < 8 && path === 2 ** depth - 1 ? 1 : 0;
    for (const bit of [0, 1]) {
      const child = key * 2 + bit;
      // The code of 30 ones ends a text and is never in one: nothing may go on to it.
      if (leaves.has(child) || depth + 1 >= longestCode) continue;
      nodes.set(child, nodes.size);
      open.push({ depth: depth + 1, path: path * 2 + bit });
    }
  }
  for (const [key, state] of nodes)
    for (let nibble = 0; nibble < 16; nibble++) fillState(state * 16 + nibble, key, nibble, nodes, leaves);
}

function fillState(
  slot: number,
  from: number,
  nibble: number,
  nodes: ReadonlyMap<number, number>,
  leaves: ReadonlyMap<number, number>,
): void {
  let key = from;
  for (let bit = 3; bit >= 0; bit--) {
    key = key * 2 + ((nibble >> bit) & 1);
    const leaf = leaves.get(key);
    if (leaf !== undefined) {
      outcome[slot] = emits;
      emitted[slot] = leaf;
      key = 1;
    } else if (!nodes.has(key)) {
      outcome[slot] = fails;
      return;
    }
  }
  nextState[slot] = nodes.get(key)!;
}

/**
 * Reads a text in this code.
 * @param into has room for 8 bytes for every 5 that are read.
 * @returns how many bytes were written; -1 where the text is malformed.
 */
export function readHuffman(bytes: Uint8Array, start: number, end: number, into: Uint8Array): number {
  let state = 0;
  let length = 0;
  for (let at = start; at < end; at++) {
    const byte = bytes[at]!;
    for (let slot = state * 16 + (byte >> 4), half = 0; half < 2; half++) {
      if (outcome[slot] === emits) into[length++] = emitted[slot]!;
      else if (outcome[slot] === fails) return -1;
      state = nextState[slot]!;
      slot = state * 16 + (byte & 0xf);
    }
  }
  return mayEnd[state] === 1 ? length : -1;
}
