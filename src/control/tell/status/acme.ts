import type { AcmeState } from "../../../model/acme.ts";
import type { MetricsInput } from "../readings.ts";

/** A certificate that umay gets over ACME. */
export interface AcmeStatus {
  readonly name: string;
  readonly listeners: readonly string[];
  readonly state: AcmeState["state"];
  /** ISO 8601; null: there is none yet. */
  readonly not_after: string | null;
  /** When it is next ordered, ISO 8601; null: nobody knows yet. */
  readonly next: string | null;
  /** Tries in a row that failed. */
  readonly failures: number;
  /** Why the last one failed; null: it did not. */
  readonly error: string | null;
}

export function readAcme({ acme }: MetricsInput): readonly AcmeStatus[] {
  return (acme()?.states ?? []).map(({ name, listeners, state, notAfter, next, failures, error }) => ({
    name,
    listeners,
    state,
    not_after: isoTime(notAfter),
    next: isoTime(next || undefined),
    failures,
    error: error ?? null,
  }));
}

const isoTime = (time: number | undefined): string | null =>
  time === undefined ? null : new Date(time).toISOString();
