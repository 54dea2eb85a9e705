import type { Logger } from "pino";
import type { Listener, ListenerTls } from "../../model/listener.ts";
import type { Certificate } from "../../model/material.ts";
import type { Pool } from "../../model/pool.ts";
import { certificatesOf } from "../../model/transport.ts";

const dayMs = 86_400_000;
const period = 3_600_000;
/** Days before the end at which it is said, and the end itself. */
const thresholds = [0, 1, 7, 30];

/** Something that ends, and what happens then. */
interface Ending {
  /** Its listener or pool, as the log says it. */
  readonly owner: { readonly listener: string } | { readonly pool: string };
  readonly what: string;
  readonly file: string;
  readonly at: number;
  readonly effect: string;
  readonly thresholds: readonly number[];
}

/** The things that have certificates. */
interface Served {
  readonly listeners: readonly Pick<Listener, "name" | "tls">[];
  readonly pools: readonly Pick<Pool, "name" | "tls" | "transports">[];
}

/**
 * Logs certificates that end in 30, 7 and 1 days, or have ended, once each. One that is near its end when it is first seen
 * is not logged: whoever loaded it said so.
 */
export class ExpiryWatch {
  readonly #served: () => Served;
  readonly #logger: Logger;
  /** By owner, file, name and end: the last threshold that was passed. */
  #passed = new Map<string, number>();
  readonly #timer: NodeJS.Timeout;

  constructor(served: () => Served, logger: Logger) {
    this.#served = served;
    this.#logger = logger;
    this.#timer = setInterval(() => this.look(), period).unref();
    this.look();
  }

  /** Looks at all that is served. @param now in milliseconds since 1970. */
  look(now: number = Date.now()): void {
    const before = this.#passed;
    this.#passed = new Map();
    this.#compare(this.#served(), before, now);
  }

  /** Looks only at what has other certificates now. @param now in milliseconds since 1970. */
  lookAt(renewed: Served, now: number = Date.now()): void {
    this.#compare(renewed, this.#passed, now);
  }

  #compare({ listeners, pools }: Served, before: ReadonlyMap<string, number>, now: number): void {
    for (const ending of [...listeners.flatMap(endingsOf), ...pools.flatMap(endingsOfPool)]) {
      const { owner, file, what, at } = ending;
      const key = JSON.stringify([owner, file, what, at]);
      const threshold =
        ending.thresholds.find((days) => at - now <= days * dayMs) ?? Number.POSITIVE_INFINITY;
      const last = before.get(key) ?? threshold;
      this.#passed.set(key, threshold);
      if (threshold < last) this.#say(ending, threshold);
    }
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #say({ owner, what, file, at, effect }: Ending, days: number): void {
    const fields = { ...owner, file, not_after: new Date(at) };
    if (days === 0) this.#logger.error(fields, `${what} has ended: ${effect}; renew it`);
    else
      this.#logger.warn(fields, `${what} ends in less than ${days} ${days === 1 ? "day" : "days"}; renew it`);
  }
}

function endingOf(
  owner: Ending["owner"],
  { subject, source, notAfter }: Certificate,
  effect: string,
): Ending {
  return {
    owner,
    what: `the certificate of ${subject}`,
    file: source.cert,
    at: notAfter,
    effect,
    thresholds,
  };
}

const endingsOfPool = (pool: Served["pools"][number]): Ending[] =>
  certificatesOf(pool).map((certificate) => endingOf({ pool: pool.name }, certificate, "backends refuse it"));

function endingsOf({ name, tls }: Served["listeners"][number]): Ending[] {
  return tls.flatMap((settings) => endingsOfTls({ listener: name }, settings));
}

function endingsOfTls(owner: Ending["owner"], tls: ListenerTls): Ending[] {
  const endings = tls.certificates.map((certificate) => endingOf(owner, certificate, "clients refuse it"));
  const { clientAuth } = tls;
  if (clientAuth === undefined) return endings;
  const { ca, crl } = clientAuth;
  for (const { subject, notAfter } of ca?.members ?? [])
    endings.push({
      owner,
      what: `the CA ${subject}`,
      file: ca!.source.file,
      at: notAfter,
      effect: "clients with certificates of it are refused",
      thresholds,
    });
  // Lists are short-lived by nature: only the end itself is news.
  if (crl?.nextUpdate !== undefined)
    endings.push({
      owner,
      what: "a revocation list",
      file: crl.source.file,
      at: crl.nextUpdate,
      effect: "clients with certificates of its CA are refused",
      thresholds: [0],
    });
  return endings;
}
