import { createPublicKey, type JsonWebKey } from "node:crypto";

/** Keys for signatures (RFC 7517 section 5). */
export interface KeySet {
  readonly keys: readonly JsonWebKey[];
}

/** More keys than any issuer has. */
const mostKeys = 100;

/** RFC 7518 section 3.3: shorter ones are refused for RS256 and the like. */
const leastModulus = 2_048;

/**
 * Reads a set of public keys. A key that can't be used is a problem, since tokens that need it would be refused.
 * @returns the set, or what is wrong with the text, as the end of a sentence that begins with its source.
 */
export function readKeySet(text: string): KeySet | string {
  let set: unknown;
  try {
    set = JSON.parse(text);
  } catch {
    return "is not JSON";
  }
  const keys = typeof set === "object" && set !== null && "keys" in set ? set.keys : undefined;
  if (!Array.isArray(keys)) return 'has no list "keys", which a set of keys (RFC 7517) is';
  if (keys.length === 0 || keys.length > mostKeys)
    return `has ${keys.length} keys; from 1 to ${mostKeys} are taken`;
  for (const [index, key] of keys.entries()) {
    const problem = problemOf(key);
    if (problem !== undefined) return `has in keys[${index}] ${problem}`;
  }
  return { keys };
}

/** Parts of a key that nobody but its owner may have. */
const privateParts = ["d", "p", "q", "dp", "dq", "qi", "k"];

function problemOf(key: unknown): string | undefined {
  if (typeof key !== "object" || key === null) return "something that is no key";
  if ("kty" in key && key.kty === "oct")
    return "a secret key, with which whoever checks a token could make one; only public keys are taken";
  if (privateParts.some((part) => part in key)) return "a private key; leave only the public part of it here";
  try {
    const { asymmetricKeyDetails } = createPublicKey({ key: key as JsonWebKey, format: "jwk" });
    const { modulusLength } = asymmetricKeyDetails ?? {};
    if (modulusLength !== undefined && modulusLength < leastModulus)
      return `a key of ${modulusLength} bits; RSA needs ${leastModulus}`;
    return undefined;
  } catch (error) {
    return `a key that can't be read (${(error as Error).message})`;
  }
}
