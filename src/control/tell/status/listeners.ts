import {
  type CounterMemory,
  endReasonList,
  handshakeOutcomes,
  listenerCell,
  rejectReasonList,
  sumCells,
} from "../../../channel/counters.ts";
import { formatAddress } from "../../../lib/address.ts";
import { describeChainMatch, modeOf, relayTarget, rulesOf, type Serve } from "../../../model/chain.ts";
import type { PlacedListener } from "../../../model/snapshot.ts";
import { openOnListener, sumOutcomes } from "../../state/counts.ts";
import type { Percentiles, ReadPercentiles } from "../histograms.ts";
import type { MetricsInput } from "../readings.ts";
import { type CertificateStatus, certificateStatus } from "./certificates.ts";

export interface ListenerStatus {
  /** Where it listens: what `bind` resolved to, with its port. */
  readonly bind: string;
  readonly mode: string;
  readonly connections: number;
  /** Null: only the process's limit counts. */
  readonly connections_limit: number | null;
  readonly connections_total: number;
  readonly received_bytes_total: number;
  readonly sent_bytes_total: number;
  /** Only what has happened, by the codes of the documentation. */
  readonly ended_total: Counts;
  readonly rejected_total: Counts;
  readonly handshake_failures_total: Counts;
  /** Where it sends sessions, in the order in which it is tried. */
  readonly routes: readonly RuleStatus[];
  readonly certificates: readonly CertificateStatus[];
  /** Null without TLS. */
  readonly handshake_seconds: Percentiles | null;
  readonly session_seconds: Percentiles;
  /** Null where it does not speak HTTP. */
  readonly requests: { readonly total: number; readonly seconds: Percentiles } | null;
}

/** How often each of several things happened. */
type Counts = Readonly<Record<string, number>>;

interface RuleStatus {
  readonly match: string;
  /** Where its sessions go; with HTTP the requests that no route takes. */
  readonly pools: readonly string[];
  /** With HTTP: what becomes of the requests that no route takes; null: they get 404. */
  readonly fallback?: "pools" | "redirect" | "respond" | null;
}

export function readListener(
  { memories }: MetricsInput,
  listener: PlacedListener,
  percentiles: ReadPercentiles,
): ListenerStatus {
  const { counters, tls } = listener;
  return {
    bind: listener.addresses.map(formatAddress).join(", "),
    mode: modeOf(rulesOf(listener.chains)),
    connections: openOnListener(memories, listener),
    connections_limit: listener.maxConnections ?? null,
    connections_total: sumCells(memories, counters + listenerCell.accepted),
    received_bytes_total: sumCells(memories, counters + listenerCell.received),
    sent_bytes_total: sumCells(memories, counters + listenerCell.sent),
    ended_total: happened(memories, counters + listenerCell.ends, endReasonList),
    rejected_total: happened(memories, counters + listenerCell.rejected, rejectReasonList),
    handshake_failures_total: happened(
      memories,
      counters + listenerCell.handshakes,
      handshakeOutcomes.map(({ result }) => (result === "ok" ? "" : result)),
    ),
    routes: rulesOf(listener.chains).map(({ chains: [{ match, serve }] }) => ({
      match: describeChainMatch(match),
      ...targetOf(serve),
    })),
    certificates: tls.flatMap(({ certificates }) => certificates.map(certificateStatus)),
    handshake_seconds:
      tls.length === 0 ? null : percentiles(memories, counters + listenerCell.handshakeDuration),
    session_seconds: percentiles(memories, counters + listenerCell.sessionDuration),
    requests: listener.chains.some(({ serve }) => serve.kind === "http")
      ? {
          total: sumOutcomes(memories, counters + listenerCell.requests),
          seconds: percentiles(memories, counters + listenerCell.requestDuration),
        }
      : null,
  };
}

/** @param names of the cells from `first` on; an empty one is left out. */
function happened(memories: readonly CounterMemory[], first: number, names: readonly string[]): Counts {
  const counts: Record<string, number> = {};
  for (const [index, name] of names.entries()) {
    const count = sumCells(memories, first + index);
    if (name !== "" && count > 0) counts[name] = (counts[name] ?? 0) + count;
  }
  return counts;
}

function targetOf(serve: Serve): Omit<RuleStatus, "match"> {
  if (serve.kind !== "http") return { pools: relayTarget(serve).map(({ pool }) => pool) };
  const action = serve.fallback?.action;
  const to = action?.kind === "pools" ? action.to : [];
  return { pools: to.map(({ pool }) => pool), fallback: action?.kind ?? null };
}
