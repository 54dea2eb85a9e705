import type { TLSSocket } from "node:tls";
import { bytesOf } from "../../lib/byte-text.ts";
import type { MtlsAuth } from "../../model/http/guard.ts";
import { fits, nameOf } from "../accept/client-auth.ts";
import type { GuardedConnection, GuardedRequest, Refusal, Verdict } from "./step.ts";

/**
 * Judges clients by the certificate that they have shown. The handshake has verified it: a bad one leads nowhere, also
 * where a listener asks for one without insisting.
 */
export class MtlsJudge {
  readonly #auth: MtlsAuth;
  /** A connection has one certificate for all its requests. */
  readonly #known = new WeakMap<GuardedConnection, Verdict>();

  constructor(auth: MtlsAuth) {
    this.#auth = auth;
  }

  judge({ connection }: GuardedRequest): Verdict {
    let verdict = this.#known.get(connection);
    if (verdict === undefined) {
      verdict = this.#judge(connection);
      this.#known.set(connection, verdict);
    }
    return verdict;
  }

  #judge({ client, tls }: GuardedConnection): Verdict {
    if (tls === undefined) return denied("no TLS, so no certificate");
    const leaf = (client as unknown as TLSSocket).getPeerX509Certificate();
    if (leaf === undefined) return denied("no certificate");
    const user = nameOf(leaf);
    const { allow } = this.#auth;
    if (allow?.every((rule) => !fits(rule, leaf))) return denied(`no rule lets ${user} in`);
    return { kind: "pass", user: bytesOf(user) };
  }
}

const denied = (detail: string): Refusal => ({ kind: "refuse", reason: "auth_denied", detail });
