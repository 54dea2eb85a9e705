import { hash, randomBytes } from "node:crypto";
import { bytesOf } from "../../../lib/byte-text.ts";
import type { BasicAuth } from "../../../model/http/guard.ts";
import type { PasswordHash } from "../../../model/http/users.ts";
import {
  type GuardedRequest,
  type Refusal,
  unavailable,
  type Verdict,
  type Waiter,
  type Waiting,
} from "../step.ts";
import type { PasswordComparer } from "./compare.ts";

/** Passwords that are remembered. */
const mostKnown = 10_000;

/** Longer ones are nobody's, and would make every comparison cost more; in characters. */
const longestCredentials = 1_024;

/** How long a request waits for a comparison, in milliseconds. */
const patience = 10_000;

/** The result of a comparison. */
interface Known {
  readonly user: string;
  readonly fits: boolean;
}

/** Requests with the same credentials wait for one comparison. */
interface Comparison {
  readonly waiters: Set<PasswordWait>;
}

/**
 * Judges requests by user and password (RFC 7617). A password is compared once with its hash, off the event loop; then
 * it is known by a hash of the whole field, with a key that no other process has, so that the memory of this one has no
 * password in it.
 */
export class BasicJudge {
  readonly #auth: BasicAuth;
  readonly #comparer: PasswordComparer;
  readonly #key = randomBytes(32).toString("hex");
  /** In the order in which they were used last. */
  readonly #known = new Map<string, Known>();
  readonly #comparisons = new Map<string, Comparison>();
  readonly #challenge: string;

  constructor(auth: BasicAuth, comparer: PasswordComparer) {
    this.#auth = auth;
    this.#comparer = comparer;
    this.#challenge = `www-authenticate: Basic realm="${bytesOf(auth.realm)}", charset="UTF-8"\r\n`;
  }

  judge(request: GuardedRequest, waiter: Waiter): Verdict | Waiting {
    const field = request.header("authorization");
    if (field === undefined) return this.#required("no Authorization");
    const id = hash("sha256", this.#key + field, "base64");
    return this.#recall(id) ?? this.#compare(field, id, waiter);
  }

  #recall(id: string): Verdict | undefined {
    const known = this.#known.get(id);
    if (known === undefined) return undefined;
    this.#known.delete(id);
    this.#known.set(id, known);
    return this.#verdict(known.user, known.fits);
  }

  #compare(field: string, id: string, waiter: Waiter): Verdict | Waiting {
    const credentials = readCredentials(field);
    if (typeof credentials === "string") return this.#required(credentials);
    const wait = new PasswordWait(waiter);
    let comparison = this.#comparisons.get(id);
    if (comparison === undefined) {
      comparison = { waiters: new Set() };
      if (!this.#begin(credentials, id, comparison))
        return unavailable("too many passwords wait to be compared");
      this.#comparisons.set(id, comparison);
    }
    comparison.waiters.add(wait);
    wait.comparison = comparison;
    return wait;
  }

  /** @returns false where it can't. */
  #begin({ user, password }: Credentials, id: string, { waiters }: Comparison): boolean {
    const isUser = this.#auth.users.hashes.has(user);
    return this.#comparer.compare(password, this.#hashOf(user), (fits) => {
      this.#comparisons.delete(id);
      if (fits !== undefined) this.#remember(id, { user, fits: fits && isUser });
      const verdict =
        fits === undefined
          ? unavailable("the password could not be compared")
          : this.#verdict(user, fits && isUser);
      for (const wait of waiters) wait.settle(verdict);
    });
  }

  /** Of a user that there is not, that of another: how long it takes does not tell who is a user. */
  #hashOf(user: string): PasswordHash {
    const { hashes } = this.#auth.users;
    return hashes.get(user) ?? hashes.values().next().value!;
  }

  #remember(id: string, known: Known): void {
    this.#known.set(id, known);
    if (this.#known.size > mostKnown) this.#known.delete(this.#known.keys().next().value!);
  }

  #verdict(user: string, fits: boolean): Verdict {
    return fits
      ? { kind: "pass", user: bytesOf(user) }
      : this.#required(`wrong user or password, user ${JSON.stringify(user)}`);
  }

  #required(detail: string): Refusal {
    return { kind: "refuse", reason: "auth_required", detail, lines: this.#challenge };
  }
}

/** One request that waits for a comparison. */
class PasswordWait implements Waiting {
  readonly kind = "wait";
  comparison: Comparison | undefined = undefined;
  readonly #waiter: Waiter;
  readonly #until = performance.now() + patience;

  constructor(waiter: Waiter) {
    this.#waiter = waiter;
  }

  settle(verdict: Verdict): void {
    this.withdraw();
    this.#waiter.settle(verdict);
  }

  withdraw(): void {
    this.comparison?.waiters.delete(this);
  }

  endIfOverdue(now: number): void {
    if (now > this.#until) this.settle(unavailable("the password was not compared in time"));
  }
}

interface Credentials {
  readonly user: string;
  readonly password: string;
}

/** @returns what is wrong with the field, where it has no credentials. */
function readCredentials(field: string): Credentials | string {
  const [, encoded] = /^basic +([A-Za-z0-9+/]+={0,2})$/i.exec(field.slice(0, 2 * longestCredentials)) ?? [];
  if (encoded === undefined) return "Authorization is not Basic with base64";
  const text = Buffer.from(encoded, "base64").toString("utf8");
  const colon = text.indexOf(":");
  if (colon < 0 || text.length > longestCredentials) return "Authorization has no user and password";
  return { user: text.slice(0, colon), password: text.slice(colon + 1) };
}
