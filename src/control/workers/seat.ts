import type { Worker } from "node:worker_threads";
import type { FromWorker, ToWorker } from "../../channel/messages.ts";
import type { Feed } from "./feed.ts";

/** The first time in which a thread that died is not replaced, in milliseconds. */
export const firstBackoff = 100;
/** How long to wait for a worker's answer, in milliseconds. */
export const patience = 2000;

type Answer = Extract<FromWorker, { type: "draining" | "cut" }>;

/** A worker's place: its number, and the thread that has it now. */
export interface Seat {
  readonly id: number;
  thread: Worker | undefined;
  /** Whether the thread listens to messages yet. */
  ready: boolean;
  /** Undefined until the thread can be sent what to serve. */
  feed: Feed | undefined;
  startedAt: number;
  backoff: number;
  /** The newest version that its threads served. */
  applied: number;
  /** Before this version, its thread accepted no connection that has not chosen its backend; without a thread, it has none. */
  settled: number;
  /** Whether the present thread serves a version. */
  serving: boolean;
  timer: NodeJS.Timeout | undefined;
  /** How often its event loop had turned when the watchdog looked last. */
  turns: number;
  /** How long the watchdog has seen no turn, in milliseconds. */
  silence: number;
  /** Whether the watchdog has given up the present thread. */
  hung: boolean;
  /** Whether its thread was told to end. */
  ended: boolean;
  /** Why its thread ends, when it does. */
  failure: Error;
  /** Told of its next answer, or of its death. */
  onAnswer: ((answer: Answer | undefined) => void) | undefined;
}

export const emptySeat = (id: number): Seat => ({
  id,
  thread: undefined,
  ready: false,
  feed: undefined,
  startedAt: 0,
  backoff: firstBackoff,
  applied: 0,
  settled: Number.POSITIVE_INFINITY,
  serving: false,
  timer: undefined,
  turns: 0,
  silence: 0,
  hung: false,
  ended: false,
  failure: new Error("never started"),
  onAnswer: undefined,
});

/** Asks the thread of a seat. @returns undefined when the worker is dead, dies, or does not answer in time. */
export async function ask<T extends Answer["type"]>(
  seat: Seat,
  message: ToWorker,
  answer: T,
): Promise<Extract<Answer, { type: T }> | undefined> {
  if (seat.thread === undefined) return undefined;
  const { promise, resolve } = Promise.withResolvers<Extract<Answer, { type: T }> | undefined>();
  seat.onAnswer = (given) => {
    // The answer to an earlier question may come late.
    if (given === undefined) resolve(undefined);
    else if (given.type === answer) resolve(given as Extract<Answer, { type: T }>);
  };
  seat.thread.postMessage(message);
  const timer = setTimeout(resolve, patience, undefined);
  const given = await promise;
  clearTimeout(timer);
  return given;
}

/** In words, the state of a worker that does not serve the newest snapshot. */
export function conditionOf({ id, thread, silence, failure }: Seat): string {
  if (thread === undefined) return `worker ${id} died and is being replaced: ${failure.message}`;
  return silence > 0
    ? `worker ${id} has given no sign of life for ${silence / 1000} s`
    : `worker ${id} is not done`;
}
