import { setImmediate as turn } from "node:timers/promises";
import type { Backend } from "../../model/backend.ts";
import type { EndpointTraits } from "../envoy/map/endpoints.ts";
import type { Node } from "../envoy/node.ts";
import type { Reference } from "./origins.ts";

/** The kinds of resources, in the order in which they are asked for: who is named comes before who names. */
export const kinds = {
  cluster: {
    type: "envoy.config.cluster.v3.Cluster",
    service: "cluster",
    method: "Clusters",
    wildcard: true,
  },
  endpoints: {
    type: "envoy.config.endpoint.v3.ClusterLoadAssignment",
    service: "endpoint",
    method: "Endpoints",
    wildcard: false,
  },
  listener: {
    type: "envoy.config.listener.v3.Listener",
    service: "listener",
    method: "Listeners",
    wildcard: true,
  },
  routes: {
    type: "envoy.config.route.v3.RouteConfiguration",
    service: "route",
    method: "Routes",
    wildcard: false,
  },
  secret: {
    type: "envoy.extensions.transport_sockets.tls.v3.Secret",
    service: "secret",
    method: "Secrets",
    wildcard: false,
  },
} as const;

export type Kind = keyof typeof kinds;
export const kindNames = Object.keys(kinds) as readonly Kind[];

/** The content of a `ClusterLoadAssignment`. */
export interface Endpoints {
  readonly backends: readonly Backend[];
  /** The same object wherever the same is said. */
  readonly traits: EndpointTraits;
}

/** The content of a resource, once it was read and found good. */
export interface Judged {
  /** Undefined for endpoints, of which there are many. */
  readonly node?: Node;
  readonly endpoints?: Endpoints;
  /** Whether there is something in it that nobody else may read. */
  readonly isSecret: boolean;
  /** Other resources that it names. */
  readonly references: readonly Reference[];
}

/** A resource that can be served. */
export interface Resource extends Judged {
  readonly name: string;
  readonly version: string;
  readonly bytes: Uint8Array;
}

/** A resource as it came. */
export interface Received {
  readonly name: string;
  readonly version: string;
  /** The message; of a file, its text. */
  readonly bytes: Uint8Array;
  /** The message as a tree, where it came from a file. */
  readonly tree?: unknown;
}

/** Reads and checks a resource. @returns what it says, or why it is refused. Never rejects. */
export type Judge = (kind: Kind, received: Received) => Promise<Judgement>;

export type Judgement = Judged | Refusal;

export interface Refusal {
  readonly refusal: string;
  /** Whether it would be refused whatever the other resources are. */
  readonly isOwn: boolean;
  /** Whether it may be good later, though nobody sends it again: an address that it needs may be free then. */
  readonly mayPass?: boolean;
}

/** A resource that came, changed or went. */
export interface Change {
  readonly name: string;
  readonly before: Resource | undefined;
  readonly now: Resource | undefined;
}

/** The names that a control plane has for a response; empty where there are none. */
export interface ResponseName {
  readonly version: string;
  readonly nonce: string;
}

/** The outcome of a response. */
export interface Outcome {
  /** Why some are refused. */
  readonly refusals: readonly string[];
  readonly changes: readonly Change[];
}

interface Refused extends Pick<Refusal, "isOwn" | "mayPass"> {
  readonly received: Received;
  readonly reason: string;
}

/** Time after which others have their turn while many resources are judged, in milliseconds. */
const longestTurn = 10;

/** The resources of one kind from one place: the last good version of each, and what was refused since. */
export class Resources {
  readonly kind: Kind;
  readonly good = new Map<string, Resource>();
  /** By name: what was refused, and why. They are judged again only where others had a part in that. */
  readonly refused = new Map<string, Refused>();
  /** Names that are asked for; of clusters and listeners all are. */
  readonly wanted = new Set<string>();
  /** Names that the control plane has said something about, since the begin. */
  readonly #answered = new Set<string>();
  /** Whether anything was answered. */
  #everAnswered = false;
  /** Responses that were good as a whole, and those with something that was refused. */
  readonly counts = { good: 0, refused: 0 };
  /** The last response: when it was taken, in milliseconds since 1970, and what it was called; undefined: none has come. */
  last: { readonly at: number; readonly version: string; readonly nonce: string } | undefined;

  constructor(kind: Kind) {
    this.kind = kind;
  }

  /**
   * Takes what came: good ones replace, bad ones leave the last good version. Unwanted resources are left.
   * @param isCurrent whether it still counts; where it does not any more, the rest is left.
   * @param response what the response is called.
   */
  async take(
    received: readonly Received[],
    judge: Judge,
    isCurrent: () => boolean = () => true,
    { version, nonce }: ResponseName = { version: "", nonce: "" },
  ): Promise<Outcome> {
    const refusals: string[] = [];
    const changes: Change[] = [];
    const seen = new Set<string>();
    let since = performance.now();
    for (const one of received) {
      const { name } = one;
      if (!kinds[this.kind].wildcard && !this.wanted.has(name)) continue;
      if (seen.has(name)) {
        refusals.push(`${name}: is there twice`);
        continue;
      }
      seen.add(name);
      const outcome = await this.#one(one, judge, isCurrent);
      if (!isCurrent()) return { refusals, changes };
      this.#answered.add(name);
      if (typeof outcome === "string") refusals.push(`${name}: ${outcome}`);
      else if (outcome !== undefined) changes.push(outcome);
      if (performance.now() - since < longestTurn) continue;
      await turn();
      if (!isCurrent()) return { refusals, changes };
      since = performance.now();
    }
    this.#everAnswered = true;
    this.counts[refusals.length === 0 ? "good" : "refused"]++;
    this.last = { at: Date.now(), version, nonce };
    return { refusals, changes };
  }

  /** Takes what was kept over a restart: the control plane has said nothing yet. Nobody is told why one is refused. */
  async restore(received: Received, judge: Judge): Promise<Change | undefined> {
    const outcome = await this.#one(received, judge, () => true);
    this.refused.delete(received.name);
    return typeof outcome === "string" ? undefined : outcome;
  }

  /** @returns why it is refused; undefined where nothing changed. */
  async #one(
    received: Received,
    judge: Judge,
    isCurrent: () => boolean,
  ): Promise<string | Change | undefined> {
    const { name, version, bytes } = received;
    const refused = this.refused.get(name);
    if (refused?.isOwn && Buffer.compare(refused.received.bytes, bytes) === 0) return refused.reason;
    const before = this.good.get(name);
    if (before !== undefined && Buffer.compare(before.bytes, bytes) === 0) {
      this.good.set(name, { ...before, version });
      this.refused.delete(name);
      return undefined;
    }
    const judged = await judge(this.kind, received);
    if (!isCurrent()) return undefined;
    // The message that it came in would stay in memory as a whole.
    const own = Buffer.from(bytes);
    if ("refusal" in judged) {
      const { refusal: reason, isOwn, mayPass = false } = judged;
      this.refused.set(name, { received: { ...received, bytes: own }, reason, isOwn, mayPass });
      return reason;
    }
    this.refused.delete(name);
    const now = { ...judged, name, version, bytes: own };
    this.good.set(name, now);
    return { name, before, now };
  }

  /** Judges those again that may be good by now. @returns those that are. */
  async again(judge: Judge): Promise<readonly Change[]> {
    const changes: Change[] = [];
    for (const { received, mayPass } of [...this.refused.values()]) {
      if (mayPass !== true) continue;
      // Something else may be said of it meanwhile.
      const isCurrent = (): boolean => this.refused.get(received.name)?.received === received;
      const outcome = await this.#one(received, judge, isCurrent);
      if (typeof outcome === "object") changes.push(outcome);
    }
    return changes;
  }

  /** The names of all that are there, good or refused. */
  get names(): ReadonlySet<string> {
    return new Set([...this.good.keys(), ...this.refused.keys()]);
  }

  /**
   * The control plane says that these are gone. Where something still names one, its last good version stays: whoever
   * names them has to go first.
   */
  gone(names: Iterable<string>): readonly Change[] {
    const left: string[] = [];
    for (const name of names) {
      this.#answered.add(name);
      if (!this.wanted.has(name)) left.push(name);
    }
    this.#everAnswered = true;
    return this.forget(left);
  }

  /** Nothing names these any more. @returns those that were there. */
  forget(names: Iterable<string>): readonly Change[] {
    const changes: Change[] = [];
    for (const name of names) {
      const before = this.good.get(name);
      this.refused.delete(name);
      this.good.delete(name);
      if (before !== undefined) changes.push({ name, before, now: undefined });
    }
    return changes;
  }

  /** Whether all that is asked for has been answered once, or is known from before. */
  get complete(): boolean {
    if (kinds[this.kind].wildcard) return this.#everAnswered;
    for (const name of this.wanted) if (!this.#answered.has(name) && !this.good.has(name)) return false;
    return true;
  }
}
