import { setTimeout as sleep } from "node:timers/promises";
import type { Model } from "../../model/model.ts";

/** How often open connections are looked at while they end, in milliseconds. */
const look = 20;
/** Node makes one millisecond of a longer timer. */
const longestTimer = 2 ** 31 - 1;

/** Can be drained. */
export interface Drainable {
  /** Readiness fails from here on. */
  begin(): void;
  /** Resolves when nothing more is accepted. */
  stopAccepting(): Promise<void>;
  /** Sessions that are open now. */
  open(): number;
  /** Sessions that have ended so far, whenever they began. */
  ended(): number;
  /** Ends what is left. @returns how many sessions it cut. */
  cut(reason: "drain_deadline" | "stopped"): Promise<number>;
}

/** How a drain went: sessions that ended by themselves meanwhile, and sessions that were cut. */
export interface Drained {
  readonly ended: number;
  readonly cut: number;
}

/**
 * Readiness fails → `shutdown.delay`, still accepting → stop accepting → live sessions go on until `shutdown.timeout`
 * → what is left is cut.
 * @param hurry aborts when there is to be no more waiting.
 */
export async function drain(
  settings: Model["shutdown"],
  drainable: Drainable,
  hurry: AbortSignal,
): Promise<Drained> {
  const endedBefore = drainable.ended();
  drainable.begin();
  await sleep(Math.min(settings.delay, longestTimer), undefined, { signal: hurry }).catch(() => {});
  const deadline = performance.now() + settings.timeout;
  await drainable.stopAccepting();
  while (drainable.open() > 0 && performance.now() < deadline && !hurry.aborted)
    await sleep(look, undefined, { signal: hurry }).catch(() => {});
  const cut = await drainable.cut(hurry.aborted ? "stopped" : "drain_deadline");
  return { ended: drainable.ended() - endedBefore - cut, cut };
}
