import { type ClientKey, readClientKey } from "../../../lib/client-key.ts";
import { hashString, mix } from "../../../lib/hash.ts";
import { cookieValue } from "../../../model/http/cookie.ts";
import type { LimitKeyPart } from "../../../model/http/guard.ts";
import type { GuardedRequest } from "../step.ts";
import type { LimitKey } from "./table.ts";

/**
 * The text of a key: all parts of the first combination of which the request has every part.
 * @returns undefined where it has none: nothing is counted.
 */
export function keyText(
  combinations: readonly (readonly LimitKeyPart[])[],
  request: GuardedRequest,
): string | undefined {
  for (const [index, parts] of combinations.entries()) {
    let text = String(index);
    let has = true;
    for (const part of parts) {
      const value = partOf(part, request);
      has &&= value !== undefined && value !== "";
      // No value has such a character.
      text += `\0${value}`;
    }
    if (has) return text;
  }
  return undefined;
}

function partOf(part: LimitKeyPart, request: GuardedRequest): string | undefined {
  switch (part.kind) {
    case "client-ip":
      return networkOf(request.client, part.v4, part.v6);
    case "header":
      return request.header(part.name);
    case "cookie":
      return cookieValue(request.header("cookie"), part.name);
    case "claim":
      return request.passage?.claim(part.name);
    case "user":
      return request.passage?.user;
    case "route":
      return request.route;
  }
}

const read: ClientKey = { high: 0, low: 0 };

/** The network of an address, by the length of its prefix. @returns undefined for a unix socket's client. */
function networkOf(address: string, v4: number, v6: number): string | undefined {
  if (!readClientKey(address, read)) return undefined;
  if (!address.includes(":")) return `4.${first(read.low, v4)}`;
  return `6.${first(read.high, v6)}.${first(read.low, v6 - 32)}`;
}

const first = (bits: number, length: number): number =>
  length >= 32 ? bits : length <= 0 ? 0 : bits & (-1 << (32 - length));

/** @param seed unknown outside, so that nobody can choose keys that meet. */
export function hashKey(text: string, seed: number): LimitKey {
  return { high: hashString(text, mix(seed)), low: hashString(text, seed) };
}
