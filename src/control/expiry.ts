import type { Logger } from "pino";
import type { Listener } from "../model/listener.ts";

const dayMs = 86_400_000;
const period = 3_600_000;
/** Days before the end at which it is said, and the end itself. */
const thresholds = [0, 1, 7, 30];

/** Something that ends, and what happens then. */
interface Ending {
  readonly what: string;
  readonly file: string;
  readonly at: number;
  readonly effect: string;
  readonly thresholds: readonly number[];
}

/**
 * Logs certificates that end in 30, 7 and 1 days, or have ended, once each. What is near its end when it is first seen
 * is not logged: whoever loaded it said so.
 */
export class ExpiryWatch {
  readonly #listeners: () => readonly Listener[];
  readonly #logger: Logger;
  /** By listener, file, name and end: the last threshold that was passed. */
  #passed = new Map<string, number>();
  readonly #timer: NodeJS.Timeout;

  constructor(listeners: () => readonly Listener[], logger: Logger) {
    this.#listeners = listeners;
    this.#logger = logger;
    this.#timer = setInterval(() => this.look(), period).unref();
    this.look();
  }

  /** @param now in milliseconds since 1970. */
  look(now: number = Date.now()): void {
    const passed = new Map<string, number>();
    for (const listener of this.#listeners())
      for (const ending of endingsOf(listener)) {
        const key = [listener.name, ending.file, ending.what, ending.at].join("\0");
        const threshold =
          ending.thresholds.find((days) => ending.at - now <= days * dayMs) ?? Number.POSITIVE_INFINITY;
        passed.set(key, threshold);
        if (threshold < (this.#passed.get(key) ?? threshold)) this.#say(listener.name, ending, threshold);
      }
    this.#passed = passed;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #say(listener: string, { what, file, at, effect }: Ending, days: number): void {
    const fields = { listener, file, not_after: new Date(at) };
    if (days === 0) this.#logger.error(fields, `${what} has ended: ${effect}; renew it`);
    else
      this.#logger.warn(fields, `${what} ends in less than ${days} ${days === 1 ? "day" : "days"}; renew it`);
  }
}

function endingsOf({ tls }: Listener): Ending[] {
  if (tls === undefined) return [];
  const endings = tls.certificates.map(({ subject, certFile, notAfter }) => ({
    what: `the certificate of ${subject}`,
    file: certFile,
    at: notAfter,
    effect: "clients refuse it",
    thresholds,
  }));
  const { clientAuth } = tls;
  if (clientAuth === undefined) return endings;
  const { authorities, caFile, crlFile = "", crlNextUpdate } = clientAuth;
  for (const { subject, notAfter } of authorities)
    endings.push({
      what: `the CA ${subject}`,
      file: caFile,
      at: notAfter,
      effect: "clients with certificates of it are refused",
      thresholds,
    });
  // Lists are short-lived by nature: only the end itself is news.
  if (crlNextUpdate !== undefined)
    endings.push({
      what: "a revocation list",
      file: crlFile,
      at: crlNextUpdate,
      effect: "clients with certificates of its CA are refused",
      thresholds: [0],
    });
  return endings;
}
