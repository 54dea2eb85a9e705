import type { Logger } from "pino";
import { type Renewed, renewCertificate, renewClientAuth, renewTickets } from "../config/resolve/renew.ts";
import { FileWatch, stampOf } from "../lib/watch-files.ts";
import type { Certificate, Listener, ListenerTls } from "../model/listener.ts";

/** Writers get this long to finish, in milliseconds. */
const settle = 200;
/** What is wrong may be half done: it counts when it is still wrong after this time, in milliseconds. */
const patience = 1000;
/** For file systems that don't tell of changes, in milliseconds. */
const poll = 60_000;

/** How often a listener's files were renewed, and how often they held something that could not be used. */
export interface ReloadCounts {
  applied: number;
  failed: number;
}

/** A part of a listener that comes from files, and what is known about them. */
interface Watched {
  readonly listener: string;
  /** What the files looked like when they were last good. */
  stamp: string;
  /** What is wrong with them now, by the last look. */
  problem: string | undefined;
  /** Since when, by performance.now(). */
  since: number;
  /** What was wrong with them when that was last logged. */
  said: string | undefined;
}

/**
 * Renews certificates, keys, CAs, revocation lists and ticket keys into service when their files change. What can't be used is
 * logged and counted, and what is served stays.
 */
export class Renewal {
  readonly counts: ReadonlyMap<string, ReloadCounts>;
  readonly #served: Map<string, ListenerTls>;
  readonly #onRenewed: (renewed: ReadonlyMap<string, ListenerTls>) => void;
  readonly #logger: Logger;
  readonly #watched = new Map<string, Watched>();
  readonly #watch: FileWatch;

  /** @param onRenewed gets the listeners that changed, by name. */
  constructor(
    listeners: readonly Listener[],
    onRenewed: (renewed: ReadonlyMap<string, ListenerTls>) => void,
    logger: Logger,
  ) {
    this.#onRenewed = onRenewed;
    this.#logger = logger;
    this.#served = new Map(listeners.flatMap(({ name, tls }) => (tls === undefined ? [] : [[name, tls]])));
    this.counts = new Map([...this.#served.keys()].map((name) => [name, { applied: 0, failed: 0 }]));
    const onBlind = (error: NodeJS.ErrnoException): void =>
      logger.warn(
        { err: error },
        `a folder of certificates can't be watched; it is looked at every ${poll / 1000} s`,
      );
    this.#watch = new FileWatch(
      () => [...this.#served.values()].flatMap(filesOf),
      () => this.#look(),
      {
        settle,
        poll,
        onBlind,
      },
    );
  }

  stop(): void {
    this.#watch.stop();
  }

  async #look(): Promise<void> {
    const changed = new Map<string, ListenerTls>();
    try {
      for (const [listener, tls] of this.#served) {
        const renewed = await this.#renewed(listener, tls);
        if (renewed !== tls) changed.set(listener, renewed);
      }
      if (changed.size === 0) return;
      for (const [listener, tls] of changed) {
        this.#served.set(listener, tls);
        this.counts.get(listener)!.applied++;
      }
      this.#onRenewed(changed);
    } catch (error) {
      this.#logger.error({ err: error }, "renewing certificates failed: this is a defect of umay");
    }
  }

  /** @returns the same object where nothing changed. */
  async #renewed(listener: string, tls: ListenerTls): Promise<ListenerTls> {
    const certificates: Certificate[] = [];
    for (const old of tls.certificates) {
      const { certFile, keyFile } = old;
      const renewed = await this.#part(listener, [certFile, keyFile], old, () => renewCertificate(old, tls));
      if (renewed !== old) {
        const { subject, names, notAfter } = renewed;
        const said = { listener, cert: certFile, subject, names, not_after: new Date(notAfter) };
        this.#logger.info(said, "a certificate was renewed");
      }
      certificates.push(renewed);
    }
    let { clientAuth } = tls;
    if (clientAuth !== undefined) {
      const old = clientAuth;
      const { caFile, crlFile } = old;
      const files = crlFile === undefined ? [caFile] : [caFile, crlFile];
      clientAuth = await this.#part(listener, files, old, () => renewClientAuth(old));
      if (clientAuth !== old)
        this.#logger.info(
          { listener, ca: caFile, crl: crlFile },
          "CAs or revocation lists of clients were renewed",
        );
    }
    let { sessionTickets } = tls;
    if (sessionTickets?.keysFile !== undefined) {
      const old = sessionTickets;
      const { keysFile } = sessionTickets;
      sessionTickets = await this.#part(listener, [keysFile], old, () => renewTickets(old, keysFile));
      if (sessionTickets !== old)
        this.#logger.info({ listener, keys_file: keysFile }, "the key of session tickets was renewed");
    }
    const same =
      clientAuth === tls.clientAuth &&
      sessionTickets === tls.sessionTickets &&
      certificates.every((certificate, index) => certificate === tls.certificates[index]);
    return same ? tls : { ...tls, certificates, clientAuth, sessionTickets };
  }

  /** What the files offer now, or the old one where they offer nothing else, or nothing that can be used. */
  async #part<T>(
    listener: string,
    files: readonly string[],
    old: T,
    renew: () => Promise<Renewed<T>>,
  ): Promise<T> {
    const key = [listener, ...files].join("\0");
    const watched = this.#watched.get(key) ?? {
      listener,
      stamp: "",
      problem: undefined,
      since: 0,
      said: undefined,
    };
    this.#watched.set(key, watched);
    const stamp = (await Promise.all(files.map(stampOf))).join();
    if (stamp === watched.stamp && watched.problem === undefined) return old;
    const renewed = await renew();
    if ("problem" in renewed) {
      this.#complain(watched, renewed.problem);
      return old;
    }
    Object.assign(watched, { stamp, problem: undefined, said: undefined });
    for (const warning of renewed.warnings) this.#logger.warn({ listener }, warning);
    return renewed.value;
  }

  /** Once, when it has been wrong for long enough. */
  #complain(watched: Watched, problem: string): void {
    const now = performance.now();
    if (watched.problem !== problem) Object.assign(watched, { problem, since: now });
    if (watched.said === problem) return;
    const left = watched.since + patience - now;
    if (left > 0) {
      this.#watch.lookAgain(left);
      return;
    }
    watched.said = problem;
    this.counts.get(watched.listener)!.failed++;
    this.#logger.error(
      { listener: watched.listener },
      `a renewed file can't be used, and what was served before is served on: ${problem}`,
    );
  }
}

function filesOf({ certificates, clientAuth, sessionTickets }: ListenerTls): string[] {
  const others = [clientAuth?.caFile, clientAuth?.crlFile, sessionTickets?.keysFile];
  return [
    ...certificates.flatMap(({ certFile, keyFile }) => [certFile, keyFile]),
    ...others.filter((file) => file !== undefined),
  ];
}
