import { backendCell, type CounterMemory, sumCells } from "../../channel/counters.ts";
import type { PlacedBackend } from "../../model/backend.ts";
import type { FailureRateSpec, SuccessRateSpec } from "../../model/health.ts";

/** Sessions and requests that a backend served, and those that failed on it. */
export interface Fared {
  readonly served: number;
  readonly failed: number;
}

/** A backend that serves clearly less than the others of its pool; both shares are from 0 to 1. */
export interface Laggard<T> {
  readonly which: T;
  readonly rate: number;
  readonly mean: number;
}

/** One that serves at least so much is good enough, however good the others are. */
const goodEnough = 0.95;

const rateOf = ({ served, failed }: Fared): number => served / (served + failed);

/**
 * Finds those whose share of success is more than some standard deviations below the mean of all that were asked often
 * enough; the worst comes first. With few of those a mean says nothing.
 */
export function findLaggards<T extends Fared>(
  all: readonly T[],
  { minBackends, minRequests, deviations }: SuccessRateSpec,
): readonly Laggard<T>[] {
  const known = all.filter(({ served, failed }) => served + failed >= minRequests);
  if (known.length < minBackends) return [];
  const rates = known.map(rateOf);
  const mean = rates.reduce((sum, rate) => sum + rate, 0) / rates.length;
  const variance = rates.reduce((sum, rate) => sum + (rate - mean) ** 2, 0) / rates.length;
  const least = Math.min(goodEnough, mean - deviations * Math.sqrt(variance));
  return known
    .map((which) => ({ which, rate: rateOf(which), mean }))
    .filter(({ rate }) => rate < least)
    .sort((one, other) => one.rate - other.rate);
}

/** Finds those on which too many requests fail; the worst comes first. */
export function findFailing<T extends Fared>(
  all: readonly T[],
  { minBackends, minRequests, percent }: FailureRateSpec,
): readonly { readonly which: T; readonly rate: number }[] {
  const known = all.filter(({ served, failed }) => served + failed >= minRequests);
  if (known.length < minBackends) return [];
  return known
    .map((which) => ({ which, rate: 1 - rateOf(which) }))
    .filter(({ rate }) => rate * 100 >= percent)
    .sort((one, other) => other.rate - one.rate);
}

/** How backends fared since they were asked last. */
export class SuccessRates {
  readonly #memories: readonly CounterMemory[];
  /** By slot: the totals then. */
  readonly #before = new Map<number, Fared>();

  constructor(memories: readonly CounterMemory[]) {
    this.#memories = memories;
  }

  /** The requests of each since the last call; none for one that is new. */
  take(backends: readonly PlacedBackend[]): readonly (Fared & { readonly backend: PlacedBackend })[] {
    return backends.map((backend) => {
      const { slot, counters } = backend;
      const served = sumCells(this.#memories, counters + backendCell.served);
      const failed = sumCells(this.#memories, counters + backendCell.failed);
      const before = this.#before.get(slot) ?? { served, failed };
      this.#before.set(slot, { served, failed });
      return { backend, served: served - before.served, failed: failed - before.failed };
    });
  }

  /** A backend has left. */
  forget(slot: number): void {
    this.#before.delete(slot);
  }
}
