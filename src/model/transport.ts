import { isDeepStrictEqual } from "node:util";
import type { Backend } from "./backend.ts";
import type { CheckSpec, HealthPolicy } from "./health.ts";
import type { Certificate } from "./material.ts";
import type { PoolTls } from "./pool.ts";
import type { Labels } from "./subset.ts";

/** How connections to backends are made. */
export interface Transport {
  /** Undefined: plain TCP. */
  readonly tls: PoolTls | undefined;
  /** The PROXY protocol header that comes first; undefined: none. */
  readonly proxyProtocol: "v1" | "v2" | undefined;
}

/** A transport in place of the pool's own, for the backends that have all of its labels; without labels, for each. */
export interface LabelledTransport extends Transport {
  readonly labels: Labels;
}

/** The parts of a pool that say how its backends are connected. */
export interface Transports extends Transport {
  /** The first that fits a backend counts for it; undefined: there are none. */
  readonly transports?: readonly LabelledTransport[];
}

/**
 * Which of a pool's transports counts for a backend.
 * @returns its index; -1: none, but the pool's own.
 */
export function transportIndex(
  transports: readonly LabelledTransport[] | undefined,
  { transportLabels }: Pick<Backend, "transportLabels">,
): number {
  if (transports === undefined) return -1;
  for (const labels of transportLabels ?? [{}]) {
    const found = transports.findIndex((transport) => fits(transport.labels, labels));
    if (found >= 0) return found;
  }
  return -1;
}

const fits = (wanted: Labels, labels: Labels): boolean =>
  Object.entries(wanted).every(([key, value]) => labels[key] === value);

/** How a backend of a pool is connected. */
export const transportOf = (pool: Transports, backend: Pick<Backend, "transportLabels">): Transport =>
  transportsOf(pool)[transportIndex(pool.transports, backend) + 1]!;

/** The ways in which a pool's backends are connected: its own first, then the others in their order. */
export const transportsOf = ({ tls, proxyProtocol, transports = [] }: Transports): readonly Transport[] => [
  { tls, proxyProtocol },
  ...transports,
];

/** The certificates that backends of a pool are shown, each once. */
export function certificatesOf({
  tls,
  transports = [],
}: Pick<Transports, "tls" | "transports">): readonly Certificate[] {
  const shown = [tls, ...transports.map((transport) => transport.tls)].flatMap(
    (each) => each?.certificate ?? [],
  );
  return shown.filter(
    ({ source }, index) => shown.findIndex((other) => isDeepStrictEqual(source, other.source)) === index,
  );
}

/** How a backend is checked; undefined: it is not. */
export function checkOf(
  { health, transports }: Pick<Transports, "transports"> & { readonly health: HealthPolicy },
  backend: Pick<Backend, "transportLabels">,
): CheckSpec | undefined {
  const index = transportIndex(transports, backend);
  return index < 0 || health.checks === undefined ? health.check : health.checks[index];
}
