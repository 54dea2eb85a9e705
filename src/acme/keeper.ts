import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import { FileWatch } from "../lib/watch-files.ts";
import { loadCertificate } from "../material/certificates.ts";
import type { AcmeSettings, AcmeState, Challenge } from "../model/acme.ts";
import type { Certificate } from "../model/material.ts";
import { OrderAllowance } from "./allowance.ts";
import { Authority } from "./authority.ts";
import { ChallengeBoard } from "./challenge-board.ts";
import { checkObtained } from "./check.ts";
import { DnsBoard, lastTime } from "./dns-board.ts";
import { type Entry, entriesOf, tell, type Wanting } from "./entry.ts";
import { type Obtained, obtain } from "./obtain.ts";
import { isDue, mostUrgent, OrderQueue } from "./queue.ts";
import { askWhen, usualTime, waitAfter } from "./schedule.ts";
import { noTries, type Storage } from "./storage.ts";
import { renewalId } from "./x509.ts";

/** The rest of umay, as the keeper needs it. */
export interface KeeperSurroundings {
  readonly logger: Logger;
  /** Has every worker show these challenges, and no others. */
  readonly publish: (challenges: readonly Challenge[]) => Promise<void>;
}

/** Times in milliseconds; for tests. */
export interface Pace {
  /** The time after a first failure. */
  readonly firstBackoff: number;
  /** The time between two looks at the storage, which other machines may have changed. */
  readonly look: number;
  /** The time between two looks at the challenges of other machines. */
  readonly lookForChallenges: number;
  /** The time until the lock is tried again. */
  readonly lockAgain: number;
  /** The longest time for which an authority is asked when to renew, before orders have their turn. */
  readonly ask: number;
}

const usualPace: Pace = {
  firstBackoff: 120_000,
  look: 60_000,
  lookForChallenges: 1_000,
  lockAgain: 5_000,
  ask: 10_000,
};

/**
 * Gets certificates for the names that listeners want, and renews them in time. Each certificate goes to the storage, from
 * where listeners take it as they take any file that has changed. It runs in the main thread and makes one order at a time.
 */
export class Keeper {
  /** Orders so far, by how they went. */
  readonly counts = { obtained: 0, failed: 0 };
  readonly #with: KeeperSurroundings;
  readonly #settings: AcmeSettings;
  readonly #pace: Pace;
  readonly #stopped = new AbortController();
  readonly #authority: Authority;
  readonly #trial: Authority | undefined;
  /** Those of both. */
  readonly #storages: readonly Storage[];
  #entries = new Map<string, Entry>();
  /** The name of the certificate that is being ordered. */
  #working: string | undefined;
  #running = false;
  #ended: Promise<void> = Promise.resolve();
  #again = false;
  /** The time for which the authority was asked when to renew, since the last look or order began, in milliseconds. */
  #asked = 0;
  #timer: NodeJS.Timeout | undefined;
  readonly #board: ChallengeBoard;
  readonly #records: DnsBoard | undefined;
  readonly #watch: FileWatch;
  readonly #allowance = new OrderAllowance();
  readonly #queue = new OrderQueue();

  constructor(settings: AcmeSettings, surroundings: KeeperSurroundings, pace: Pace = usualPace) {
    this.#with = surroundings;
    this.#settings = settings;
    this.#pace = pace;
    const { signal } = this.#stopped;
    this.#authority = new Authority(settings, settings.directory, signal);
    this.#trial = settings.trial === undefined ? undefined : new Authority(settings, settings.trial, signal);
    this.#storages = [this.#authority, ...(this.#trial === undefined ? [] : [this.#trial])].map(
      ({ storage }) => storage,
    );
    const { publish, logger } = surroundings;
    this.#board = new ChallengeBoard(this.#storages, publish, logger, pace.lookForChallenges);
    this.#records = settings.dns && new DnsBoard(settings.dns, this.#authority.storage, logger, signal);
    this.#watch = new FileWatch(
      () => [...this.#entries.values()].map(({ source }) => source.cert),
      async () => this.#soon(0),
      { settle, poll: pace.look, onBlind: ignore },
    );
  }

  /** The settings that it works by. */
  get settings(): AcmeSettings {
    return this.#settings;
  }

  /** These are the listeners from now on. */
  follow(listeners: readonly Wanting[]): void {
    this.#entries = entriesOf(listeners, this.#entries);
    this.#watch.lookAgain(0);
  }

  /** @returns when a record that was set for an order that was under way is unset, or some seconds have passed. */
  stop(): Promise<void> {
    this.#stopped.abort();
    this.#watch.stop();
    clearTimeout(this.#timer);
    this.#board.stop();
    return Promise.race([this.#ended, sleep(lastTime, undefined, { ref: false })]);
  }

  /** How it stands with each certificate, by name. */
  get states(): readonly AcmeState[] {
    return [...this.#entries.values()].map((entry) => tell(entry, entry.name === this.#working));
  }

  #soon(time: number): void {
    if (this.#stopped.signal.aborted) return;
    this.#again = this.#running;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      if (!this.#running) this.#ended = this.#run();
    }, time).unref();
  }

  async #run(): Promise<void> {
    this.#running = true;
    let next = this.#pace.look;
    this.#asked = 0;
    try {
      for (const entry of this.#entries.values()) await this.#lookAt(entry);
      this.#plan();
      if (this.#mostUrgent() !== undefined) next = Math.min(next, await this.#work());
    } catch (error) {
      if (!this.#stopped.signal.aborted)
        this.#with.logger.error(
          { err: error },
          "the storage of ACME can't be used; certificates are not renewed",
        );
    } finally {
      this.#running = false;
    }
    const soonest = Math.min(
      ...[...this.#entries.values()].map((entry) => entry.next ?? Number.POSITIVE_INFINITY),
    );
    const wait = Math.min(next, Math.max(soonest - Date.now(), this.#pace.lockAgain));
    this.#soon(this.#again ? 0 : wait);
    this.#again = false;
  }

  #plan(): void {
    this.#queue.plan(this.#entries.values(), Date.now());
  }

  /** @param done names that have had their turn. */
  #mostUrgent(done: ReadonlySet<string> = new Set()): Entry | undefined {
    const left = [...this.#entries.values()].filter(({ name }) => !done.has(name));
    return mostUrgent(left, Date.now());
  }

  /** Reads the storage again. */
  async #lookAt(entry: Entry): Promise<void> {
    const found = await loadCertificate(entry.source, "clients", [], ignore);
    const certificate = entry.names.every((name) => found?.names.includes(name)) ? found : undefined;
    if (certificate?.cert !== entry.certificate?.cert) entry.suggestion = undefined;
    entry.certificate = certificate;
    entry.tries = await this.#authority.storage.tries(entry.name);
    entry.soonest = certificate === undefined ? 0 : usualTime(certificate.cert, entry.draw);
    entry.wanted = certificate === undefined ? 0 : await this.#renewalTime(entry, certificate);
  }

  /** The time that the authority suggests, if it does; else the usual one. */
  async #renewalTime(entry: Entry, { cert }: Certificate): Promise<number> {
    const { suggestion, draw, soonest: usual } = entry;
    if (suggestion !== undefined && Date.now() < suggestion.askAgain) return suggestion.at;
    // An authority that answers slowly, or not at all, puts off no order of a name that it was not asked about.
    if (this.#asked >= this.#pace.ask) return suggestion?.at ?? usual;
    const begun = performance.now();
    try {
      const fresh = await this.#authority.work((client) => askWhen(client, cert, draw));
      if (fresh === undefined) return usual;
      if (fresh.explanation !== undefined && fresh.explanation !== suggestion?.explanation)
        this.#with.logger.warn(
          { name: entry.name, see: fresh.explanation },
          "the certificate authority says why a certificate is to be renewed early",
        );
      entry.suggestion = fresh;
      return fresh.at;
    } catch (error) {
      this.#with.logger.debug({ name: entry.name, err: error }, "there is no renewal information");
      const askAgain = Date.now() + this.#pace.look * 10;
      entry.suggestion = { at: suggestion?.at ?? usual, askAgain, explanation: undefined };
      return entry.suggestion.at;
    } finally {
      this.#asked += performance.now() - begun;
    }
  }

  /** Makes the orders that are due. @returns when to go on, in milliseconds. */
  async #work(): Promise<number> {
    const { storage } = this.#authority;
    if (!(await storage.lock())) return this.#pace.lockAgain;
    const holding = setInterval(() => void storage.keep().catch(() => false), lockKept).unref();
    try {
      for (const each of this.#storages) await each.tidy();
      await this.#records?.tidy();
      const done = new Set<string>();
      for (let entry = this.#mostUrgent(); entry !== undefined; entry = this.#mostUrgent(done)) {
        done.add(entry.name);
        const begun = performance.now();
        this.#asked = 0;
        // Another machine may have been faster.
        await this.#lookAt(entry);
        this.#plan();
        if (this.#stopped.signal.aborted) break;
        if (!isDue(entry, Date.now()) || this.#entries.get(entry.name) !== entry) continue;
        const wait = this.#allowance.take();
        if (wait > 0) return wait;
        await this.#try(entry);
        this.#queue.took(performance.now() - begun);
        this.#plan();
      }
    } finally {
      clearInterval(holding);
      await storage.unlock();
    }
    return this.#pace.look;
  }

  async #try(entry: Entry): Promise<void> {
    const { name, source } = entry;
    const { storage } = this.#authority;
    this.#working = name;
    try {
      // Where something is wrong, its limits are for finding out what, while there is time.
      const hasTime = Date.now() < entry.latest;
      if (entry.tries.failures > 0 && hasTime && this.#trial !== undefined)
        await this.#obtain(this.#trial, entry);
      const { chain, key } = await this.#obtain(this.#authority, entry);
      await storage.setCertificate(source.cert, `${chain.trimEnd()}\n${key}`);
      await storage.setTries(name, noTries);
      this.counts.obtained++;
      await this.#lookAt(entry);
      const notAfter = entry.certificate && new Date(entry.certificate.notAfter);
      this.#with.logger.info({ name, not_after: notAfter }, "a certificate was obtained");
    } catch (error) {
      if (!this.#stopped.signal.aborted) await this.#failed(entry, error as Error);
    } finally {
      this.#working = undefined;
    }
  }

  async #obtain(authority: Authority, entry: Entry): Promise<Obtained> {
    const { names, challenge, certificate } = entry;
    const { keyType, profile, propagation } = this.#settings;
    const replaces =
      certificate === undefined || authority !== this.#authority ? undefined : renewalId(certificate.cert);
    const order = { names, challenge, keyType, profile, replaces };
    const obtained = await authority.work((client) => {
      if (challenge === "dns-01") return obtain(client, order, this.#records!);
      const kind = { type: challenge, propagation, signal: this.#stopped.signal };
      return obtain(client, order, this.#board.in(authority.storage, kind));
    });
    checkObtained(obtained, names);
    return obtained;
  }

  async #failed(entry: Entry, error: Error): Promise<void> {
    const { name, certificate, tries } = entry;
    this.counts.failed++;
    const failures = tries.failures + 1;
    const left = (certificate?.notAfter ?? Number.POSITIVE_INFINITY) - Date.now();
    const wait = waitAfter(error, failures, this.#pace.firstBackoff, left);
    const failed = { failures, notBefore: Date.now() + wait, error: error.message };
    await this.#authority.storage.setTries(name, failed);
    entry.tries = failed;
    const effect =
      certificate === undefined
        ? "handshakes for it are refused meanwhile"
        : `the one that is served ends on ${new Date(certificate.notAfter).toISOString()}`;
    this.#with.logger.error(
      { name, cause: error.message, failures, again_in_s: Math.round(wait / 1000) },
      `a certificate could not be obtained; ${effect}`,
    );
  }
}

/** Time that another machine has to finish what it writes, in milliseconds. */
const settle = 200;
/** Time between two signs of whoever holds the lock, in milliseconds. */
const lockKept = 30_000;

/** A file that can't be used is as good as none, and another one is ordered; a folder that can't be watched is looked at. */
const ignore = (): void => {};
