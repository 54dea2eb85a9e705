import { randomInt } from "node:crypto";
import { AddressSet } from "../../../lib/address-set.ts";
import { parseCidr } from "../../../lib/cidr.ts";
import { type ClientKey, readClientKey } from "../../../lib/client-key.ts";
import { hashString, mix } from "../../../lib/hash.ts";
import { cookieValue } from "../../../model/http/cookie.ts";
import type { LimitKeyPart, LimitKeyValue } from "../../../model/http/guard.ts";
import { compileCondition } from "../condition.ts";
import type { GuardedConnection, GuardedRequest } from "../step.ts";
import type { LimitKey } from "./table.ts";

/** The parts of a key, ready to be read. */
export interface CompiledKey {
  /** The begin of its texts. */
  readonly label: string;
  readonly conditions: readonly ((request: GuardedRequest) => boolean)[];
  /** Those that tell keys apart. */
  readonly values: readonly LimitKeyValue[];
  /** Whether a field that is there and empty is a value. */
  readonly takesEmpty: boolean;
}

/** @throws where it has a regular expression, and {@link loadRegexes} was not awaited. */
export function compileKey(parts: readonly LimitKeyPart[], label: string, takesEmpty = false): CompiledKey {
  const conditions = parts.flatMap((part) => conditionOf(part) ?? []);
  const values = parts.filter(
    (part): part is LimitKeyValue => part.kind !== "condition" && part.is === undefined,
  );
  return { label, conditions, values, takesEmpty };
}

/** The condition of a part that does not tell keys apart. */
function conditionOf(part: LimitKeyPart): ((request: GuardedRequest) => boolean) | undefined {
  if (part.kind === "condition") {
    const holds = compileCondition(part.when);
    return (request) => holds(request, request.header(":path") ?? "");
  }
  const { is } = part;
  if (is === undefined) return undefined;
  if (part.kind !== "client-ip") return (request) => partValue(part, request) === is;
  const range = parseCidr(is);
  const set = new AddressSet(typeof range === "string" ? [] : [range.cidr]);
  return ({ client }) => client !== "" && set.has(client);
}

/**
 * The text of a key: the values of the first one of which the request has every part.
 * @returns undefined where it has none: nothing is counted.
 */
export function keyText(keys: readonly CompiledKey[], request: GuardedRequest): string | undefined {
  for (const key of keys) {
    const text = textOf(key, request);
    if (text !== undefined) return text;
  }
  return undefined;
}

/** @returns undefined where the request does not have every part. */
export function textOf(
  { label, conditions, values, takesEmpty }: CompiledKey,
  request: GuardedRequest,
): string | undefined {
  for (const holds of conditions) if (!holds(request)) return undefined;
  let text = label;
  for (const part of values) {
    const value = partValue(part, request);
    if (value === undefined || (value === "" && !takesEmpty)) return undefined;
    // No value has such a character.
    text += `\0${value}`;
  }
  return text;
}

/** @returns undefined where there is none. */
function partValue(part: LimitKeyValue, request: GuardedRequest): string | undefined {
  switch (part.kind) {
    case "client-ip":
      return networkOf(request.client, part.v4, part.v6);
    case "header":
      // Of several, as in Envoy: with all of them, whoever adds another one would be somebody else.
      return request.header(part.name, "first");
    case "cookie":
      return cookieValue(request.header("cookie"), part.name);
    case "query":
      return request.queryValue(part.name);
    case "claim":
      return request.passage?.claim(part.name) || undefined;
    case "user":
      return request.passage?.user || undefined;
    case "route":
      return request.route;
    case "connection":
      return numberOf(request.connection);
  }
}

/** Connections have numbers from when they are first asked for; the first is by chance, so that no other thread has the same. */
const numbers = new WeakMap<GuardedConnection, string>();
let lastNumber = randomInt(2 ** 47);

function numberOf(connection: GuardedConnection): string {
  let number = numbers.get(connection);
  if (number === undefined) {
    number = String(++lastNumber);
    numbers.set(connection, number);
  }
  return number;
}

const read: ClientKey = { high: 0, low: 0 };

/** The network of an address, by the length of its prefix. @returns undefined for a unix socket's client. */
function networkOf(address: string, v4: number, v6: number): string | undefined {
  if (!readClientKey(address, read)) return undefined;
  if (!address.includes(":")) return `4.${first(read.low, v4)}`;
  if (v6 > 64) return `6.${address}`;
  return `6.${first(read.high, v6)}.${first(read.low, v6 - 32)}`;
}

const first = (bits: number, length: number): number =>
  length >= 32 ? bits : length <= 0 ? 0 : bits & (-1 << (32 - length));

/** @param seed unknown outside, so that nobody can choose keys that meet. */
export function hashKey(text: string, seed: number): LimitKey {
  return { high: hashString(text, mix(seed)), low: hashString(text, seed) };
}
