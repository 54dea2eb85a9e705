import type { RouteTable, Rule } from "../../../model/http/route-table.ts";
import type { CompileRegex } from "../../../model/http/text-test.ts";
import { HostRules, type RequestFacts } from "./rules.ts";

/** A request as a route table is asked about it. */
export interface RouteRequest extends RequestFacts {
  /** Lower case, without port and without a dot at its end; empty where the request names none (HTTP/1.0). */
  readonly host: string;
}

/** A host of the table with its rules, ready to be looked up. */
export interface IndexedHost<Route> {
  readonly name: string;
  readonly rules: HostRules<Route>;
  /** No less specific host is asked behind it. */
  readonly isLast: boolean;
}

/** Why there is no route: no host of the table takes the name, or none of the hosts' rules the request. */
export type NoRoute = "no_host" | "no_route";

/**
 * A route table, built to be looked up for every request. Hosts are found by name in a map: the exact one, then the
 * longest wildcard that covers it (one label or more), then `*`.
 */
export class RouteIndex<Route> {
  readonly #exact = new Map<string, IndexedHost<Route>>();
  /** By what follows `*.`. */
  readonly #wildcards = new Map<string, IndexedHost<Route>>();
  /** By what stands before `.*`. */
  readonly #starts = new Map<string, IndexedHost<Route>>();
  readonly #any: IndexedHost<Route> | undefined;

  /** @throws where a regular expression of a match is none. */
  constructor({ hosts, fallsThrough }: RouteTable<Route>, compileRegex: CompileRegex) {
    for (const { name, rules, isLast = false } of hosts) {
      const host = { name, rules: new HostRules(rules, compileRegex), isLast: isLast || !fallsThrough };
      if (name === "*") this.#any = host;
      else if (name.endsWith(".*")) this.#starts.set(name.slice(0, -2), host);
      else if (name.startsWith("*.")) this.#wildcards.set(name.slice(2), host);
      else this.#exact.set(name, host);
    }
  }

  /** Finds the first rule that matches, of the most specific host that has one. */
  find(request: RouteRequest): Rule<Route> | NoRoute {
    const name = request.host;
    let known = false;
    for (let at = 0; at !== nowhere; ) {
      const host = this.#at(name, at);
      at = this.#next(name, at);
      if (host === undefined) continue;
      const rule = host.rules.find(request);
      if (rule !== undefined) return rule;
      if (host.isLast) return "no_route";
      known = true;
    }
    return known ? "no_route" : "no_host";
  }

  /** The hosts of the table that are asked about a name, in order; for explanations. */
  hostsFor(name: string): readonly IndexedHost<Route>[] {
    const hosts: IndexedHost<Route>[] = [];
    for (let at = 0; at !== nowhere; at = this.#next(name, at)) {
      const host = this.#at(name, at);
      if (host === undefined) continue;
      hosts.push(host);
      if (host.isLast) break;
    }
    return hosts;
  }

  /** @returns where to look behind `at`: at the next label, where there are wildcards, or at the end of the name. */
  #next(name: string, at: number): number {
    if (at === name.length) return nowhere;
    return this.#wildcards.size === 0 ? name.length : nextLabel(name, at);
  }

  /** The host of the longest start of a name. */
  #startOf(name: string): IndexedHost<Route> | undefined {
    if (this.#starts.size === 0) return undefined;
    for (let dot = name.lastIndexOf("."); dot > 0; dot = name.lastIndexOf(".", dot - 1)) {
      const host = this.#starts.get(name.slice(0, dot));
      if (host !== undefined) return host;
    }
    return undefined;
  }

  /** @param at 0: the name itself; its length: any name; between them: a wildcard for what begins there. */
  #at(name: string, at: number): IndexedHost<Route> | undefined {
    if (at === name.length) return this.#startOf(name) ?? this.#any;
    return at === 0 ? this.#exact.get(name) : this.#wildcards.get(name.slice(at));
  }
}

const nowhere = -1;

/** Where the next label begins; the name's length where there is no other. */
function nextLabel(name: string, at: number): number {
  const dot = name.indexOf(".", at);
  return dot === -1 ? name.length : dot + 1;
}
