import { hash, randomBytes } from "node:crypto";
import { textIn } from "../../../lib/byte-text.ts";
import type { Jose } from "../../../lib/jose.ts";
import { cookieValue } from "../../../model/http/cookie.ts";
import type { JwtAuth, TokenPlace } from "../../../model/http/guard.ts";
import {
  type GuardedRequest,
  type Refusal,
  unavailable,
  type Verdict,
  type Waiter,
  type Waiting,
} from "../step.ts";
import { brokenRule, type Claims, claimText } from "./claims.ts";
import type { FindKey, KeySource } from "./keys.ts";

/** Tokens that are remembered. */
const mostKnown = 10_000;
/** Tokens that a worker checks at a time. */
const mostUnderWay = 1_000;
/** In characters: more than any issuer makes that has headers to fit in. */
const longestToken = 16_384;
/** How long a request waits for the check of its token, in milliseconds: also for keys that are fetched. */
const patience = 8_000;

/** A token whose signature is good. */
interface Known {
  readonly verdict: Verdict;
  /** In milliseconds since 1970, the clocks' difference included. */
  readonly expires: number;
  /** With which it was checked. */
  readonly keys: FindKey;
}

/**
 * Judges requests by a signed token (JWT, RFC 7519; best practice: RFC 8725). jose checks it, off the event loop: once,
 * then it is known by a hash with a key that no other process has, until it expires. The algorithms are those of the
 * configuration, whatever the token says; a key in the token, or a URL of one, is not looked at.
 */
export class JwtJudge {
  readonly #auth: JwtAuth;
  readonly #keys: KeySource;
  readonly #jose: Promise<Jose>;
  readonly #key = randomBytes(32).toString("hex");
  /** In the order in which they were used last. */
  readonly #known = new Map<string, Known>();
  #underWay = 0;

  constructor(auth: JwtAuth, keys: KeySource, jose: Promise<Jose>) {
    this.#auth = auth;
    this.#keys = keys;
    this.#jose = jose;
    jose.catch(() => {});
  }

  judge(request: GuardedRequest, waiter: Waiter): Verdict | Waiting {
    const token = tokenOf(request, this.#auth.from);
    if (token === undefined) return this.#required("no token", "");
    if (token.length > longestToken) return this.#invalid(`a token of ${token.length} characters`);
    const id = hash("sha256", this.#key + token, "base64");
    const known = this.#recall(id);
    if (known !== undefined) return known;
    if (this.#underWay >= mostUnderWay) return unavailable("too many tokens wait to be checked");
    const wait = new TokenWait(waiter);
    this.#underWay++;
    void this.#check(token, id).then((verdict) => {
      this.#underWay--;
      wait.settle(verdict);
    });
    return wait;
  }

  #recall(id: string): Verdict | undefined {
    const known = this.#known.get(id);
    if (known === undefined) return undefined;
    this.#known.delete(id);
    this.#keys.refresh();
    if (known.keys !== this.#keys.present) return undefined;
    if (known.expires <= Date.now()) return this.#invalid("the token has expired");
    this.#known.set(id, known);
    return known.verdict;
  }

  /** Never rejects. */
  async #check(token: string, id: string): Promise<Verdict> {
    try {
      const { claims, keys } = await this.#verify(token);
      const verdict = this.#verdict(claims);
      this.#remember(id, verdict, claims, keys);
      return verdict;
    } catch (error) {
      const { message, code = "" } = error as Error & { readonly code?: string };
      // jose's own errors are about the token, and say which rule it breaks; all others are about the keys.
      return code.startsWith("ERR_J") ? this.#invalid(message) : unavailable(`the keys: ${message}`);
    }
  }

  async #verify(token: string): Promise<{ readonly claims: Claims; readonly keys: FindKey }> {
    const jose = await this.#jose;
    const { algorithms, issuer, audience, skew } = this.#auth;
    const options = {
      algorithms: [...algorithms],
      requiredClaims: ["exp"],
      clockTolerance: skew / 1_000,
      ...(issuer.length === 0 ? {} : { issuer: [...issuer] }),
      ...(audience.length === 0 ? {} : { audience: [...audience] }),
    };
    const verify = async () => {
      const keys = await this.#keys.find();
      return { claims: await verifyWith(jose, token, keys, options), keys };
    };
    try {
      return await verify();
    } catch (error) {
      if (!(error instanceof jose.errors.JWKSNoMatchingKey) || !(await this.#keys.renew())) throw error;
      return await verify();
    }
  }

  #remember(id: string, verdict: Verdict, claims: Claims, keys: FindKey): void {
    const expires = Number(claims["exp"]) * 1_000 + this.#auth.skew;
    this.#known.set(id, { verdict, expires, keys });
    if (this.#known.size > mostKnown) this.#known.delete(this.#known.keys().next().value!);
  }

  #verdict(claims: Claims): Verdict {
    const broken = brokenRule(claims, this.#auth.claims);
    const user = claimText(claims, this.#auth.user);
    if (broken === undefined) return { kind: "pass", user, claims };
    const detail = `claim ${broken.name} of ${JSON.stringify(textIn(user))} has none of ${broken.values.join(", ")}`;
    const lines = 'www-authenticate: Bearer error="insufficient_scope"\r\n';
    return { kind: "refuse", reason: "auth_denied", detail, lines };
  }

  #invalid(detail: string): Refusal {
    return this.#required(detail, ' error="invalid_token"');
  }

  /** RFC 6750 section 3. */
  #required(detail: string, parameters: string): Refusal {
    return {
      kind: "refuse",
      reason: "auth_required",
      detail,
      lines: `www-authenticate: Bearer${parameters}\r\n`,
    };
  }
}

type Options = Parameters<Jose["jwtVerify"]>[2];

async function verifyWith(jose: Jose, token: string, find: FindKey, options: Options): Promise<Claims> {
  try {
    return (await jose.jwtVerify(token, find, options)).payload;
  } catch (error) {
    if (!(error instanceof jose.errors.JWKSMultipleMatchingKeys)) throw error;
    return await firstThatFits(jose, token, error, options);
  }
}

/** A token need not name its key: then every key of its kind is tried. */
async function firstThatFits(
  { jwtVerify, errors }: Jose,
  token: string,
  several: InstanceType<Jose["errors"]["JWKSMultipleMatchingKeys"]>,
  options: Options,
): Promise<Claims> {
  let last: unknown = several;
  for await (const key of several) {
    try {
      return (await jwtVerify(token, key, options)).payload;
    } catch (error) {
      if (!(error instanceof errors.JWSSignatureVerificationFailed)) throw error;
      last = error;
    }
  }
  throw last;
}

/** One request that waits for the check of its token. */
class TokenWait implements Waiting {
  readonly kind = "wait";
  readonly #until = performance.now() + patience;
  #waiter: Waiter | undefined;

  constructor(waiter: Waiter) {
    this.#waiter = waiter;
  }

  settle(verdict: Verdict): void {
    const waiter = this.#waiter;
    this.#waiter = undefined;
    waiter?.settle(verdict);
  }

  withdraw(): void {
    this.#waiter = undefined;
  }

  endIfOverdue(now: number): void {
    if (now > this.#until) this.settle(unavailable("the token was not checked in time"));
  }
}

/** The first place that has one. */
function tokenOf(request: GuardedRequest, places: readonly TokenPlace[]): string | undefined {
  for (const place of places) {
    const token = tokenAt(request, place);
    if (token !== undefined && token !== "") return token;
  }
  return undefined;
}

function tokenAt(request: GuardedRequest, place: TokenPlace): string | undefined {
  switch (place.kind) {
    case "bearer": {
      const field = request.header("authorization");
      return field?.slice(0, 7).toLowerCase() === "bearer " ? field.slice(7).trim() : undefined;
    }
    case "header": {
      const { prefix = "" } = place;
      const field = request.header(place.name);
      return field?.startsWith(prefix) ? field.slice(prefix.length) : undefined;
    }
    case "cookie":
      return cookieValue(request.header("cookie"), place.name);
    case "query":
      return request.queryValue(place.name);
  }
}
