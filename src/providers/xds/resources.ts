import type { Node } from "../envoy/node.ts";

/** The kinds of resources, in the order in which they are asked for: who is named comes before who names. */
export const kinds = {
  cluster: { type: "envoy.config.cluster.v3.Cluster", name: "name", wildcard: true },
  endpoints: {
    type: "envoy.config.endpoint.v3.ClusterLoadAssignment",
    name: "cluster_name",
    wildcard: false,
  },
  listener: { type: "envoy.config.listener.v3.Listener", name: "name", wildcard: true },
  routes: { type: "envoy.config.route.v3.RouteConfiguration", name: "name", wildcard: false },
  secret: { type: "envoy.extensions.transport_sockets.tls.v3.Secret", name: "name", wildcard: false },
} as const;

export type Kind = keyof typeof kinds;
export const kindNames = Object.keys(kinds) as readonly Kind[];

/** A resource that can be served. */
export interface Resource {
  readonly node: Node;
  readonly version: string;
  readonly bytes: Uint8Array;
}

/** A resource as it came. */
export interface Received {
  readonly name: string;
  readonly version: string;
  readonly bytes: Uint8Array;
}

/** Reads and checks a resource. @returns the message, or why it is refused. */
export type Judge = (kind: Kind, bytes: Uint8Array) => Promise<Judgement>;

export type Judgement = { readonly node: Node } | { readonly refusal: string };

/** The resources of one kind: the last good version of each, and what was refused since. */
export class Resources {
  readonly kind: Kind;
  readonly good = new Map<string, Resource>();
  /** By name: bytes that were refused, so that they are not judged again, and why. */
  readonly refused = new Map<string, { readonly bytes: Uint8Array; readonly reason: string }>();
  /** Names that are asked for; of clusters and listeners all are. */
  wanted: ReadonlySet<string> = new Set();
  /** Names that the control plane has said something about, since the begin. */
  readonly answered = new Set<string>();
  /** Whether anything was answered. */
  everAnswered = false;

  constructor(kind: Kind) {
    this.kind = kind;
  }

  /** Takes what came: good ones replace, bad ones leave the last good version. @returns why some are refused, and whether anything changed. */
  async take(
    received: readonly Received[],
    judge: Judge,
  ): Promise<{ readonly refusals: readonly string[]; readonly changed: boolean }> {
    const refusals: string[] = [];
    let changed = false;
    this.everAnswered = true;
    for (const { name, version, bytes } of received) {
      this.answered.add(name);
      const before = this.refused.get(name);
      if (before !== undefined && Buffer.compare(before.bytes, bytes) === 0) {
        refusals.push(`${name}: ${before.reason}`);
        continue;
      }
      const own = this.good.get(name);
      if (own !== undefined && Buffer.compare(own.bytes, bytes) === 0) {
        this.good.set(name, { ...own, version });
        this.refused.delete(name);
        continue;
      }
      const judged = await judge(this.kind, bytes);
      if ("refusal" in judged) {
        this.refused.set(name, { bytes, reason: judged.refusal });
        refusals.push(`${name}: ${judged.refusal}`);
        continue;
      }
      this.refused.delete(name);
      this.good.set(name, { node: judged.node, version, bytes });
      changed = true;
    }
    return { refusals, changed };
  }

  /** @returns whether any of them was there. */
  remove(names: Iterable<string>): boolean {
    let changed = false;
    for (const name of names) {
      this.answered.add(name);
      this.refused.delete(name);
      changed = this.good.delete(name) || changed;
    }
    return changed;
  }

  /** Whether all that is asked for has been answered once. */
  get complete(): boolean {
    if (kinds[this.kind].wildcard) return this.everAnswered;
    return [...this.wanted].every((name) => this.answered.has(name));
  }
}
