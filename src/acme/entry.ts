import type { AcmeState, ChallengeType } from "../model/acme.ts";
import type { Listener } from "../model/listener.ts";
import type { Certificate, PairSource } from "../model/material.ts";
import type { Queued } from "./queue.ts";
import type { Suggestion } from "./schedule.ts";
import { noTries, type Tries } from "./storage.ts";

/** A certificate that is wanted, with what is known of it. */
export interface Entry extends Queued {
  /** The first of its names. */
  readonly name: string;
  readonly names: readonly string[];
  readonly challenge: ChallengeType;
  readonly source: PairSource;
  readonly listeners: readonly string[];
  /** By which machines choose different times. */
  readonly draw: number;
  certificate: Certificate | undefined;
  tries: Tries;
  suggestion: Suggestion | undefined;
  wanted: number;
  soonest: number;
}

export type Wanting = Pick<Listener, "name" | "tls">;

/** The certificates that listeners want, by name. @param before those that something is known of. */
export function entriesOf(
  listeners: readonly Wanting[],
  before: ReadonlyMap<string, Entry>,
): Map<string, Entry> {
  const entries = new Map<string, Entry>();
  for (const { name: listener, tls } of listeners)
    for (const { challenge, certificates } of tls.flatMap(({ acme }) => acme ?? []))
      for (const { name, names: wanted, source } of certificates) {
        const other = entries.get(name);
        const listeners = [...(other?.listeners ?? []), listener];
        const names = [...new Set([...(other?.names ?? []), ...wanted])];
        const known = before.get(name) ?? unknown();
        entries.set(name, { ...known, name, names, source, challenge, listeners });
      }
  return entries;
}

/** How it stands with a certificate. @param working whether it is being ordered. */
export function tell({ name, listeners, certificate, next, tries }: Entry, working: boolean): AcmeState {
  const had = working ? "due" : "valid";
  const good = certificate === undefined ? "waiting" : had;
  return {
    name,
    listeners,
    state: tries.failures > 0 ? "failing" : good,
    notAfter: certificate?.notAfter,
    next,
    failures: tries.failures,
    error: tries.error || undefined,
  };
}

const unknown = () => ({
  draw: Math.random(),
  certificate: undefined,
  tries: noTries,
  suggestion: undefined,
  wanted: 0,
  soonest: 0,
  latest: Number.POSITIVE_INFINITY,
  next: undefined,
});
