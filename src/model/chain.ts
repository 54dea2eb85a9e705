import { type Cidr, formatCidr } from "../lib/cidr.ts";
import type { HttpServe } from "./http/front.ts";
import type { Labels } from "./subset.ts";

/** The protocols of clients, as far as first bytes tell. */
export const protocols = ["tls", "http1", "http2", "other"] as const;
export type Protocol = (typeof protocols)[number];

/** The conditions of a chain on a connection: all must hold; an empty one always does. */
export interface ChainMatch {
  /** Server names, lower case; `*.example.com` stands for every name below example.com. */
  readonly sni: readonly string[];
  /** Application protocols, one of which was negotiated, or is offered where TLS is not terminated, or not yet. */
  readonly alpn: readonly string[];
  /** Only where the listener detects protocols. */
  readonly protocol: readonly Protocol[];
  /** Addresses of clients, one of which it must be. A client without an address, over a unix socket, is in none. */
  readonly from: readonly Cidr[];
  /** Ports that the client connected to: a PROXY header's, where one came. */
  readonly port: readonly number[];
  /** The same for addresses; undefined: any. */
  readonly to?: readonly Cidr[];
  /** Ports of clients; undefined: any. */
  readonly fromPort?: readonly number[];
  /** Where clients are; undefined: anywhere. */
  readonly origin?: readonly Origin[];
}

/** On this machine, by a loopback address or by the address that the client connected to; or on another one. */
export type Origin = "here" | "elsewhere";

/** Every connection. */
export const anyConnection: ChainMatch = { sni: [], alpn: [], protocol: [], from: [], port: [] };

/** Whether every connection fulfils it. */
export function isUnconditional({
  sni,
  alpn,
  protocol,
  from,
  port,
  to = [],
  fromPort = [],
  origin = [],
}: ChainMatch): boolean {
  return [sni, alpn, protocol, from, port, to, fromPort, origin].every(({ length }) => length === 0);
}

/** The conditions as texts. */
export function chainMatchTexts({
  from,
  port,
  to = [],
  fromPort = [],
  ...match
}: ChainMatch): ChainMatchTexts {
  return {
    ...match,
    from: from.map(formatCidr),
    port: port.map(String),
    ...(to.length > 0 && { to: to.map(formatCidr) }),
    ...(fromPort.length > 0 && { fromPort: fromPort.map(String) }),
  };
}

type ChainMatchTexts = Pick<ChainMatch, "sni" | "alpn" | "protocol" | "origin"> & {
  readonly from: readonly string[];
  readonly port: readonly string[];
  readonly to?: readonly string[];
  readonly fromPort?: readonly string[];
};

/** `sni a.example|b.example, alpn h2`; `any` without a condition. */
export function describeChainMatch(match: ChainMatch): string {
  const parts = Object.entries(chainMatchTexts(match)).flatMap(([key, values]) =>
    values.length === 0 ? [] : [`${key} ${values.join("|")}`],
  );
  return parts.join(", ") || "any";
}

/** Where sessions go: to one of several pools, in proportion to their weights. At least one. */
export type Target = readonly {
  readonly pool: string;
  /** A whole number from 0 to 1,000,000; one of a target is above 0. */
  readonly weight: number;
  /** The labels of the part of the pool that is asked for; undefined: none is. */
  readonly subset?: Labels;
}[];

/** Relays the bytes of a client as they come. */
export interface RelayServe {
  readonly kind: "relay";
  readonly to: Target;
}

/** Ends the connection at once: nothing takes it. */
export interface RefuseServe {
  readonly kind: "refuse";
}

export type Serve = RelayServe | HttpServe | RefuseServe;

/**
 * The treatment of connections that match. It is chosen by the client's first bytes where they are read. Where TLS is
 * terminated, the first chain that matches what was negotiated takes over, of those that terminate it.
 */
export interface Chain {
  /** Chains of a listener with the same name are one rule, for clients with TLS and for clients without. */
  readonly name: string;
  readonly match: ChainMatch;
  /**
   * `terminate`: the client speaks TLS, which ends here, by {@link settings}. `passthrough`: the client speaks TLS, which
   * goes on as it came. Undefined: what comes goes on as it comes, and nothing is known of names.
   */
  readonly tls: "terminate" | "passthrough" | undefined;
  /** The name of the listener's TLS settings, where `tls` is `terminate`. */
  readonly settings: string | undefined;
  readonly serve: Serve;
  /** In milliseconds. */
  readonly timeouts: { readonly idle: number; readonly halfClose: number; readonly stall: number };
  /** How old a session may get that is relayed, ±10 %, in milliseconds; undefined: as old as it likes. */
  readonly maxAge?: number;
}

/** Chains of a listener with the same name, in their order. */
export interface Rule {
  readonly name: string;
  readonly chains: readonly [Chain, ...Chain[]];
}

/** The rules behind a listener's chains, in the order in which they are tried. The last one takes what the others leave. */
export function rulesOf(chains: readonly Chain[]): readonly Rule[] {
  const rules = new Map<string, { readonly name: string; readonly chains: [Chain, ...Chain[]] }>();
  for (const chain of chains) {
    const rule = rules.get(chain.name);
    if (rule === undefined) rules.set(chain.name, { name: chain.name, chains: [chain] });
    else rule.chains.push(chain);
  }
  return [...rules.values()];
}

export type Mode = "tcp" | "passthrough" | "http";

/** The mode of a listener by its last rule: it relays, hands TLS on as it came, or speaks HTTP. */
export function modeOf(rules: readonly Rule[]): Mode {
  const last = rules.at(-1)?.chains[0];
  if (last?.serve.kind === "http") return "http";
  return last?.tls === "passthrough" ? "passthrough" : "tcp";
}

/**
 * Whether a rule is there to hand TLS on as it came: its listener does not, or the rule is for clients with TLS alone.
 * @param detect whether the listener tells them from others.
 */
export function isForPassthrough({ chains }: Rule, mode: Mode, detect: boolean): boolean {
  return chains[0].tls === "passthrough" && (mode !== "passthrough" || (detect && chains.length === 1));
}

/** Every pool that chains relay to, each once. */
export function poolsOf(chains: readonly Chain[]): ReadonlySet<string> {
  return new Set(chains.flatMap(({ serve }) => relayTarget(serve).map(({ pool }) => pool)));
}

/** Where connections are relayed to; empty where they are not relayed. */
export function relayTarget(serve: Serve): Target {
  return serve.kind === "relay" ? serve.to : [];
}

/** Whether any session can have a server name. */
export function seesNames(chains: readonly Chain[]): boolean {
  return chains.some(({ tls }) => tls !== undefined);
}
