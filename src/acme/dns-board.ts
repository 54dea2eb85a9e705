import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import { Resolver } from "../lib/dns/resolver.ts";
import { readSystemNames } from "../lib/dns/system.ts";
import { runProgram } from "../lib/program.ts";
import type { DnsRecord, DnsSettings } from "../model/acme.ts";
import type { Showing } from "./obtain.ts";
import { AcmeError, printable } from "./problem.ts";
import type { Storage } from "./storage.ts";

/** For each nameserver, as discovery asks: the time for the first try, in milliseconds, and the number of tries. */
const query = { timeout: 1_000, tries: 2 };
/** The time between two looks at the nameservers: at first, and at most, in milliseconds. */
const firstLook = 250;
const longestLook = 5_000;
/** Where umay is about to end, a record must be unset within this time, in milliseconds. */
export const lastTime = 10_000;

/**
 * The records that answer challenges of dns-01 (RFC 8555 section 8.4), which a program of the operator's sets and unsets,
 * one at a time. The storage has those that are set, so that whoever holds its lock next can unset what was left behind.
 */
export class DnsBoard implements Showing<DnsRecord> {
  readonly #settings: DnsSettings;
  readonly #storage: Storage;
  readonly #logger: Logger;
  readonly #signal: AbortSignal;

  /** @param storage that whose lock is held meanwhile. @param signal aborts when umay is about to end. */
  constructor(settings: DnsSettings, storage: Storage, logger: Logger, signal: AbortSignal) {
    this.#settings = settings;
    this.#storage = storage;
    this.#logger = logger;
    this.#signal = signal;
  }

  async answerTo(name: string, _token: string, authorization: string): Promise<DnsRecord> {
    const base = name.startsWith("*.") ? name.slice(2) : name;
    const value = createHash("sha256").update(authorization).digest("base64url");
    return { type: "dns-01", name: `_acme-challenge.${base}`, value };
  }

  /** @throws AcmeError where the program fails. */
  async show(record: DnsRecord): Promise<void> {
    await this.#storage.show(record);
    await this.#run("set", record, this.#settings.timeout, this.#signal);
  }

  /** Waits until the nameservers have them all, but not for ever: they need not be those that the authority asks. */
  async whenShown(records: readonly DnsRecord[]): Promise<void> {
    const { propagation } = this.#settings;
    const deadline = performance.now() + propagation;
    let cause: string | undefined;
    for (let pause = firstLook; performance.now() < deadline; pause = Math.min(2 * pause, longestLook)) {
      cause = await this.#missing(records);
      this.#signal.throwIfAborted();
      if (cause === undefined) return;
      const left = deadline - performance.now();
      await sleep(Math.max(0, Math.min(pause, left)), undefined, { signal: this.#signal });
    }
    if (cause !== undefined)
      this.#logger.warn(
        { cause, waited_s: propagation / 1000 },
        "a record that was set is not seen in time; the authority is asked to look all the same",
      );
  }

  /** A program that fails at that fails no order: a record that is left behind does no harm. */
  hide(record: DnsRecord): Promise<void> {
    return this.#unset(record, "it is tried again with the next order");
  }

  /** Unsets what an umay that died, or could not, has left behind. The lock of the storage is held. */
  async tidy(): Promise<void> {
    for (const record of await this.#storage.records()) {
      if (this.#signal.aborted) return;
      await this.#unset(record, "it stays until someone takes it away by hand");
      // A program that fails again is not asked for ever.
      await this.#storage.hide(record);
    }
  }

  /** @param then what becomes of a record that could not be unset. */
  async #unset(record: DnsRecord, then: string): Promise<void> {
    const { timeout } = this.#settings;
    const time = this.#signal.aborted ? Math.min(timeout, lastTime) : timeout;
    try {
      await this.#run("unset", record, time, new AbortController().signal);
      await this.#storage.hide(record);
    } catch (error) {
      this.#logger.warn(
        { record: record.name, value: record.value, cause: (error as Error).message },
        `a record of DNS that is not needed any more could not be unset; ${then}`,
      );
    }
  }

  /** @returns why an authority that asks now does not see all of them; undefined: it does. */
  async #missing(records: readonly DnsRecord[]): Promise<string | undefined> {
    const { nameservers } = this.#settings;
    const servers = nameservers.length > 0 ? nameservers : (await readSystemNames()).nameservers;
    const resolver = new Resolver({ ...query, servers });
    for (const { name, value } of records) {
      const answer = await resolver.ask(name, "TXT", this.#signal);
      if (answer.kind !== "found") return `${name}: ${answer.cause}`;
      if (!answer.records.some(({ data }) => data === value))
        return `${name}: other values than ${value} from ${servers.join(", ")}`;
    }
    return undefined;
  }

  async #run(
    verb: "set" | "unset",
    { name, value }: DnsRecord,
    timeout: number,
    signal: AbortSignal,
  ): Promise<void> {
    const { command, environment } = this.#settings;
    try {
      await runProgram({ command: [...command, verb, name, value], environment, timeout, signal });
    } catch (error) {
      throw new AcmeError(printable(`${verb} ${name}: ${(error as Error).message}`));
    }
  }
}
