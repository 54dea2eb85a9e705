import type { MetricsInput } from "../readings.ts";

/** A place that resources of control planes come from. */
export interface ControlPlaneStatus {
  /** `ads`, `file:/etc/umay/cds.yaml`, or `stream:…`. */
  readonly place: string;
  /** Null: none was connected yet, or it is a file. */
  readonly server: string | null;
  /** Null: it is a file. */
  readonly connected: boolean | null;
  /** By type: `cluster`, `endpoints`, `listener`, `routes`, `secret`. */
  readonly resources: Readonly<Record<string, ResourceStatus>>;
}

interface ResourceStatus {
  /** In their last good version. */
  readonly present: number;
  /** Asked for, and not there. */
  readonly missing: number;
  /** Responses. */
  readonly accepted_total: number;
  readonly rejected_total: number;
  /** Of the last response, good or not, as the control plane names it; null: there was none. */
  readonly version: string | null;
  readonly nonce: string | null;
  /** When it came, ISO 8601. */
  readonly last_update: string | null;
  /** Some that are refused, with the reasons. */
  readonly refused: Readonly<Record<string, string>>;
}

export const readControlPlanes = ({ controlPlanes }: MetricsInput): readonly ControlPlaneStatus[] =>
  (controlPlanes() ?? []).map(({ place, server = null, connected = null, kinds }) => ({
    place,
    server,
    connected,
    resources: Object.fromEntries(
      kinds.map(({ kind, resources, missing, accepted, rejected, last, refused }) => [
        kind,
        {
          present: resources,
          missing,
          accepted_total: accepted,
          rejected_total: rejected,
          version: last?.version ?? null,
          nonce: last?.nonce ?? null,
          last_update: last === undefined ? null : new Date(last.at).toISOString(),
          refused: Object.fromEntries(refused.map(({ name, reason }) => [name, reason])),
        },
      ]),
    ),
  }));
