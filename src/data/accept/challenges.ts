import type { Socket } from "node:net";
import { createSecureContext, type SecureContext, TLSSocket } from "node:tls";
import { type Challenge, challengePath, challengeProtocol } from "../../model/acme.ts";
import type { ClientHello } from "./client-hello.ts";

/** The answers of challenges that a certificate authority may look for now (RFC 8555 section 8.3, RFC 8737). */
export class Challenges {
  /** By name. */
  #contexts: ReadonlyMap<string, SecureContext> | undefined = undefined;
  /** By path. */
  #answers: ReadonlyMap<string, string> | undefined = undefined;

  /** These are shown from now on, and no others. */
  show(challenges: readonly Challenge[]): void {
    const contexts = new Map<string, SecureContext>();
    const answers = new Map<string, string>();
    for (const challenge of challenges)
      if (challenge.type === "http-01") answers.set(challengePath + challenge.token, challenge.answer);
      else {
        const context = contextOf(challenge);
        if (context !== undefined) contexts.set(challenge.name, context);
      }
    this.#contexts = contexts.size === 0 ? undefined : contexts;
    this.#answers = answers.size === 0 ? undefined : answers;
  }

  /** The context for an authority that asks for a name; undefined: it is a client like any other. */
  contextFor({ serverName, alpn }: ClientHello): SecureContext | undefined {
    if (this.#contexts === undefined || alpn.length !== 1 || alpn[0] !== challengeProtocol) return undefined;
    return this.#contexts.get(serverName);
  }

  /** The answer that an authority asks for; undefined: it is a request like any other. */
  answerTo(path: string): string | undefined {
    return this.#answers?.get(path);
  }
}

/** @returns undefined where OpenSSL refuses it: another machine may have written anything. */
function contextOf({
  cert,
  key,
}: {
  readonly cert: string;
  readonly key: string;
}): SecureContext | undefined {
  try {
    return createSecureContext({ cert, key });
  } catch {
    return undefined;
  }
}

/** Begins the handshake with an authority: the certificate that it gets is all that it wants. */
export function beginValidation(raw: Socket, secureContext: SecureContext): TLSSocket {
  return new TLSSocket(raw, { isServer: true, secureContext, ALPNProtocols: [challengeProtocol] });
}
