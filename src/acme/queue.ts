import type { Certificate } from "../model/material.ts";
import { timePerOrder } from "./allowance.ts";
import type { Tries } from "./storage.ts";

/** A certificate that waits for its order. Times in milliseconds since 1970. */
export interface Queued {
  readonly certificate: Pick<Certificate, "notAfter"> | undefined;
  readonly tries: Pick<Tries, "notBefore">;
  /** When it is best renewed. */
  readonly wanted: number;
  /** However many wait, it is not renewed sooner, but where it is wanted so. */
  readonly soonest: number;
  /** When its order has to begin, so that it comes in time. */
  latest: number;
  /** When it is worked on next. */
  next: number | undefined;
}

/** Orders are made one after the other, so each may have to begin long before its certificate ends. */
export class OrderQueue {
  #slowest = 0;

  /** @param time that an order took, in milliseconds. One that was slow counts for less with every later one. */
  took(time: number): void {
    this.#slowest = Math.max(time, 0.9 * this.#slowest);
  }

  /** Chooses when each is worked on: when it is wanted, but in time for itself and for all that end later. */
  plan(all: Iterable<Queued>, now: number): void {
    // One of two orders may fail.
    const reserved = Math.max(2 * this.#slowest, timePerOrder);
    const endOf = ({ certificate }: Queued): number => certificate?.notAfter ?? 0;
    let latest = Number.POSITIVE_INFINITY;
    for (const one of [...all].sort((one, other) => endOf(other) - endOf(one))) {
      latest = Math.min(latest, endOf(one)) - reserved;
      // Where nothing good is served, those come first that would end meanwhile.
      one.latest = endOf(one) > now ? latest : now + reserved;
      const wanted = Math.min(one.wanted, Math.max(latest, one.soonest));
      one.next = Math.max(wanted, one.tries.notBefore);
    }
  }
}

export const isDue = ({ next }: Pick<Queued, "next">, now: number): boolean => (next ?? 0) <= now;

/** The most urgent of those that are due. */
export function mostUrgent<T extends Queued>(all: readonly T[], now: number): T | undefined {
  return all
    .filter((one) => isDue(one, now))
    .reduce<T | undefined>(
      (first, one) => (first === undefined || one.latest < first.latest ? one : first),
      undefined,
    );
}
