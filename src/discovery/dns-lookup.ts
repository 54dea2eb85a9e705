import { Resolver } from "node:dns/promises";
import type { DnsDiscovery } from "../model/pool.ts";
import type { DiscoveryDependencies } from "./dependencies.ts";

/** What one round of queries found out. Messages name the pool's name, the cause and the server. */
export type Round =
  | {
      readonly kind: "found";
      /** At least one; in no order, perhaps with duplicates. */
      readonly addresses: readonly string[];
      /** The smallest one, in milliseconds. */
      readonly ttl: number;
      /** Why one of the two record types could not be asked for; its last good addresses are among `addresses`. */
      readonly problem: string | undefined;
    }
  /** The name does not exist (NXDOMAIN), or has no such record. */
  | { readonly kind: "absent"; readonly message: string }
  /** No server gave an answer. */
  | { readonly kind: "failed"; readonly message: string };

type RecordType = "A" | "AAAA";

/** The same for one record type; `cause` has no name in it. */
type Answer =
  | { readonly kind: "found"; readonly addresses: readonly string[]; readonly ttl: number }
  | { readonly kind: "absent" | "failed"; readonly cause: string };

const recordTypes: { readonly [R in DnsDiscovery["record"]]: readonly RecordType[] } = {
  a: ["A"],
  aaaa: ["AAAA"],
  "a+aaaa": ["A", "AAAA"],
};

/** c-ares' error codes in words; any other error is told as it is. */
const causes: Readonly<Record<string, string>> = {
  ENOTFOUND: "NXDOMAIN",
  ESERVFAIL: "SERVFAIL",
  EREFUSED: "REFUSED",
  EFORMERR: "FORMERR",
  ENOTIMP: "NOTIMP",
  EBADRESP: "malformed answer",
  ETIMEOUT: "no answer",
  ECONNREFUSED: "connection refused",
};

/** Asks for a name's addresses, time after time. */
export class DnsLookup {
  readonly #spec: DnsDiscovery;
  readonly #query: DiscoveryDependencies["query"];
  /** What the last good answer for each record type had. */
  readonly #lastGood = new Map<RecordType, readonly string[]>();

  constructor(spec: DnsDiscovery, query: DiscoveryDependencies["query"]) {
    this.#spec = spec;
    this.#query = query;
  }

  /** Never rejects. When `signal` aborts it ends at once, with a round that means nothing. */
  async round(signal: AbortSignal): Promise<Round> {
    const types = recordTypes[this.#spec.record];
    const answers = await Promise.all(types.map((type) => this.#ask(type, signal)));
    const addresses: string[] = [];
    let ttl = Number.POSITIVE_INFINITY;
    const problems: string[] = [];
    for (const [index, answer] of answers.entries()) {
      const type = types[index]!;
      if (answer.kind !== "failed") this.#lastGood.set(type, answer.kind === "found" ? answer.addresses : []);
      addresses.push(...(this.#lastGood.get(type) ?? []));
      if (answer.kind === "found") ttl = Math.min(ttl, answer.ttl);
      else problems.push(types.length === 1 ? answer.cause : `${type}: ${answer.cause}`);
    }
    const message = `${this.#spec.name}: ${problems.join("; ")}`;
    const failed = answers.some((answer) => answer.kind === "failed");
    if (ttl !== Number.POSITIVE_INFINITY)
      return { kind: "found", addresses, ttl, problem: failed ? message : undefined };
    return { kind: failed ? "failed" : "absent", message };
  }

  /**
   * Asks one server after the other until one answers: by itself c-ares would take SERVFAIL and REFUSED for answers.
   * A resolver lives for one query, so that a change of the system's nameservers is seen.
   */
  async #ask(type: RecordType, signal: AbortSignal): Promise<Answer> {
    const failures: string[] = [];
    try {
      const { nameservers } = this.#spec;
      for (const server of nameservers.length > 0 ? nameservers : new Resolver().getServers()) {
        const answer = await this.#askServer(server, type, signal);
        if (answer.kind !== "failed" || signal.aborted) return answer;
        failures.push(answer.cause);
      }
    } catch (cause) {
      // A resolver can't be made when the process may open no more files, or with a server that is no IP address.
      failures.push((cause as Error).message);
    }
    return { kind: "failed", cause: failures.join(", ") };
  }

  async #askServer(server: string, type: RecordType, signal: AbortSignal): Promise<Answer> {
    const { name } = this.#spec;
    const resolver = new Resolver(this.#query);
    resolver.setServers([server]);
    const cancel = (): void => resolver.cancel();
    signal.addEventListener("abort", cancel, { once: true });
    try {
      const options = { ttl: true } as const;
      const records = await (type === "A"
        ? resolver.resolve4(name, options)
        : resolver.resolve6(name, options));
      // A chain of CNAMEs that leads nowhere comes as a success without records.
      if (records.length === 0) return { kind: "absent", cause: `no ${type} record from ${server}` };
      const addresses = records.map((record) => record.address);
      return { kind: "found", addresses, ttl: Math.min(...records.map((record) => record.ttl)) * 1_000 };
    } catch (cause) {
      const { code, message } = cause as NodeJS.ErrnoException;
      if (code === "ENODATA") return { kind: "absent", cause: `no ${type} record from ${server}` };
      const text = `${causes[code ?? ""] ?? message} from ${server}`;
      return { kind: code === "ENOTFOUND" ? "absent" : "failed", cause: text };
    } finally {
      signal.removeEventListener("abort", cancel);
    }
  }
}
