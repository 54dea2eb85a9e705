import { cookieValue } from "../../../model/http/cookie.ts";
import type { HashKey } from "../../../model/http/route.ts";

/** The parts of a request that keys are made of. */
export interface HashFacts {
  /** @param name in lower case. */
  header(name: string): string | undefined;
  queryValue(name: string): string | undefined;
  /** Empty for a unix socket's client. */
  readonly client: string;
}

/** A key to hash, and which of the route's keys it is. */
export interface ChosenKey {
  readonly text: string;
  readonly by: HashKey;
}

/** The first key that the request has. @returns undefined where it has none of them: what the pool says counts. */
export function hashKeyOf(keys: readonly HashKey[], facts: HashFacts): ChosenKey | undefined {
  for (const by of keys) {
    const text = keyTextOf(by, facts);
    if (text !== undefined && text !== "") return { text, by };
  }
  return undefined;
}

function keyTextOf(key: HashKey, facts: HashFacts): string | undefined {
  switch (key.kind) {
    case "source-ip":
      return facts.client;
    case "header":
      return facts.header(key.name);
    case "query":
      return facts.queryValue(key.name);
    case "cookie":
      return cookieValue(facts.header("cookie"), key.name);
  }
}

/** As the configuration writes it: `header:x-user`. */
export function describeKey(key: HashKey): string {
  return key.kind === "source-ip" ? key.kind : `${key.kind}:${key.name}`;
}
