/**
 * Mixes 32 bits so that every bit of the input changes every bit of the result with a probability near one half.
 * MurmurHash3's finalizer (Appleby, public domain), a bijection.
 * @returns a signed 32-bit integer: V8 keeps those in a register or a tagged word, so passing one never allocates.
 */
export function mix(bits: number): number {
  let hash = bits;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return hash ^ (hash >>> 16);
}

/**
 * Hashes a string's UTF-16 code units: FNV-1a (RFC 9923) for speed on short keys, then {@link mix}, because the bits
 * of FNV-1a alone depend too little on the last characters, and addresses differ in those.
 * Not for keys that an attacker may choose to collide: it has no secret.
 * @param seed different seeds give independent hashes.
 * @returns a signed 32-bit integer, the same on every machine.
 */
export function hashString(text: string, seed: number): number {
  let hash = 0x811c9dc5 ^ seed;
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return mix(hash);
}
