import type { Chain, ChainMatch, Protocol, Serve } from "../../../model/chain.ts";
import type { ListenerTls } from "../../../model/listener.ts";
import { orderFilterChains } from "./filter-chains.ts";
import { type NetworkAccess, splitByAccess } from "./network-access.ts";

/** The service of a filter chain for its connections. */
export interface Mapped {
  readonly name: string;
  readonly tls: ListenerTls | undefined;
  readonly serve: Serve;
  readonly idle: number;
  readonly match: ChainMatch;
  /** In milliseconds; undefined: sessions get as old as they like. */
  readonly maxAge?: number;
  /** Undefined: it takes every client. */
  readonly access?: NetworkAccess;
  /** The most connections; undefined: no limit. */
  readonly most?: number;
}

/** Whether clients with and without TLS have to be told apart, by their first bytes. */
export function needsDetection(chains: readonly Mapped[]): boolean {
  const asks = chains.some(({ match }) => match.sni.length + match.alpn.length + match.protocol.length > 0);
  const secure = chains.filter(({ tls }) => tls !== undefined).length;
  if (secure === chains.length)
    return chains.some(({ match }) => match.protocol.some((protocol) => protocol !== "tls"));
  return asks || secure > 0;
}

const refuse: Serve = { kind: "refuse" };

/** Each filter chain for clients with TLS, and then for clients without. */
export function orderedChains(
  chains: readonly Mapped[],
  otherwise: Mapped | undefined,
  timeouts: Chain["timeouts"],
): readonly Chain[] {
  const order = orderFilterChains(chains.map((chain) => ({ match: chain.match, chain })));
  const rules = order.map(({ match, chain = otherwise }, index) => ({ match, chain, index }));
  const takes = (match: ChainMatch, protocol: Protocol): boolean =>
    match.protocol.length === 0 || match.protocol.includes(protocol);
  const chainOf = (rule: (typeof rules)[number], secure: boolean): Chain => {
    const { match, chain, index } = rule;
    const ends = secure && chain?.tls !== undefined;
    // Without TLS of its own a chain gets TLS as it comes, and HTTP can't be read from that.
    const served =
      chain !== undefined && (ends || (chain.tls === undefined && !(secure && chain.serve.kind === "http")));
    return {
      name: `${chain?.name ?? "no filter chain"}#${index}`,
      match: { ...match, protocol: [] },
      tls: ends ? "terminate" : secure ? "passthrough" : undefined,
      settings: ends ? chain.tls.name : undefined,
      serve: served ? chain.serve : refuse,
      timeouts: { ...timeouts, idle: chain?.idle ?? timeouts.idle },
      ...(chain?.maxAge !== undefined && { maxAge: chain.maxAge }),
    };
  };
  const chainsOf = (rule: (typeof rules)[number], secure: boolean): readonly Chain[] =>
    splitByAccess(chainOf(rule, secure), rule.chain?.access, secure);
  const anyTls = chains
    .concat(otherwise ?? [])
    .some(
      ({ tls, match }) =>
        tls !== undefined || match.sni.length + match.alpn.length + match.protocol.length > 0,
    );
  const onlyTls = chains
    .concat(otherwise ?? [])
    .every(({ tls, match }) => tls !== undefined && !match.protocol.includes("other"));
  return [
    ...(anyTls
      ? rules.filter(({ match }) => takes(match, "tls")).flatMap((rule) => chainsOf(rule, true))
      : []),
    ...(onlyTls
      ? []
      : rules
          .filter(({ match }) => takes(match, "other") && match.sni.length + match.alpn.length === 0)
          .flatMap((rule) => chainsOf(rule, false))),
  ];
}
