import { isIP } from "node:net";
import { parseAddress } from "../address.ts";
import { canonicalName } from "../host-name.ts";
import { exchange, noAnswer, type Question } from "./exchange.ts";
import { type DnsRecord, fitsDns, isAnswer, type Reply } from "./message.ts";

export interface ResolverOptions {
  /** `ip:port` of each server to ask, in order. */
  readonly servers: readonly string[];
  /** Time for a server's first try, doubled for each further one, in milliseconds. */
  readonly timeout: number;
  /** How often a silent server is asked. */
  readonly tries: number;
}

/** The answer of the servers. A cause is some words that end with the server's address. */
export type Answer =
  | {
      readonly kind: "found";
      /** At least one record, all of the wanted type, in no order, perhaps with duplicates. */
      readonly records: readonly DnsRecord[];
      /** Records that the server added unasked. */
      readonly additionals: readonly DnsRecord[];
      /** The smallest TTL of records and aliases, in seconds. */
      readonly ttl: number;
    }
  /** The name does not exist (NXDOMAIN), or has no such record. */
  | { readonly kind: "absent"; readonly cause: string }
  /** No server gave an answer. */
  | { readonly kind: "failed"; readonly cause: string };

/** The most aliases from a name to its records: more than names have, and more than most resolvers follow. */
const mostAliases = 16;

interface Replied {
  readonly reply: Reply;
  readonly server: string;
}

/** Asks recursive nameservers without a thread of Node's pool. It has no cache. */
export class Resolver {
  readonly #options: ResolverOptions;

  constructor(options: ResolverOptions) {
    this.#options = options;
  }

  /**
   * Finds a name's records. Servers follow aliases (CNAME) themselves; an alias that a server leaves open is asked for.
   * @param name absolute, with or without the dot at its end.
   * @returns never rejects. When `signal` aborts it ends at once, with a meaningless answer.
   */
  async ask(name: string, type: Question["type"], signal: AbortSignal): Promise<Answer> {
    const chain = new AliasChain(canonicalName(name));
    for (;;) {
      const asked = chain.end;
      if (!fitsDns(asked)) return { kind: "failed", cause: `${asked} is no name that DNS can carry` };
      const found = await this.#askServers({ name: asked, type }, signal);
      if ("cause" in found) return { kind: "failed", cause: found.cause };
      const { reply, server } = found;
      const records = chain.follow(reply.answers, type);
      if (records.length > 0)
        return { kind: "found", records, additionals: reply.additionals, ttl: chain.ttl };
      const absent = (cause: string): Answer => ({ kind: "absent", cause: `${cause} from ${server}` });
      if (chain.fault !== undefined) return absent(chain.fault);
      if (reply.rcode === "NXDOMAIN") return absent("NXDOMAIN");
      if (chain.end === asked || reply.negative) return absent(`no ${type} record`);
    }
  }

  /** Asks the servers in turn until one answers, then the silent ones again, without EDNS. */
  async #askServers(question: Question, signal: AbortSignal): Promise<Replied | { readonly cause: string }> {
    const { servers, tries } = this.#options;
    let { timeout } = this.#options;
    const failures = new Map<string, string>();
    let remaining = new Set(servers);
    for (let attempt = 0; attempt < tries; attempt++, timeout *= 2) {
      for (const server of remaining) {
        const reply = await askServer(server, question, attempt > 0, timeout, signal);
        if (typeof reply !== "string") return { reply, server };
        if (signal.aborted) return { cause: reply };
        failures.set(server, reply);
      }
      remaining = new Set(servers.filter((server) => failures.get(server)?.startsWith(noAnswer)));
    }
    return { cause: [...failures.values()].join(", ") };
  }
}

/** The aliases (CNAME) that lead from a name to its records. */
class AliasChain {
  /** The last known name of the chain. */
  end: string;
  /** The smallest TTL so far, in seconds. */
  ttl = Number.POSITIVE_INFINITY;
  /** Why the chain leads nowhere. */
  fault: string | undefined;
  readonly #passed = new Set<string>();

  constructor(name: string) {
    this.end = name;
  }

  /** @param answers in any order. @returns the records at the end, if there are any. */
  follow(answers: readonly DnsRecord[], type: Question["type"]): readonly DnsRecord[] {
    while (this.fault === undefined) {
      const there = answers.filter(({ name }) => name === this.end);
      const records = there.filter((record) => record.type === type);
      const alias = there.find((record) => record.type === "CNAME");
      if (records.length > 0 || alias === undefined) {
        this.ttl = Math.min(this.ttl, ...records.map(({ ttl }) => ttl));
        return records;
      }
      this.ttl = Math.min(this.ttl, alias.ttl);
      this.#passed.add(this.end);
      this.end = alias.data;
      if (this.#passed.has(this.end)) this.fault = "a loop of aliases";
      else if (this.#passed.size > mostAliases) this.fault = `more than ${mostAliases} aliases in a row`;
    }
    return [];
  }
}

/** @returns the server's answer, or why there is none. */
async function askServer(
  server: string,
  question: Question,
  plain: boolean,
  timeout: number,
  signal: AbortSignal,
): Promise<Reply | string> {
  const address = parseAddress(server);
  if (typeof address === "string" || address.kind === "unix" || isIP(address.host) === 0)
    return `${server} is no IP address with a port`;
  try {
    const reply = await exchange(address, question, plain, timeout, signal);
    if (reply.referral) return `a referral instead of an answer from ${server}`;
    return isAnswer(reply) ? reply : `${reply.rcode} from ${server}`;
  } catch (error) {
    return `${(error as Error).message} from ${server}`;
  }
}
