import { setTimeout as sleep } from "node:timers/promises";
import { openConnections, type SharedMemory } from "../channel/memory.ts";
import type { Model } from "../model/model.ts";

/** How often open connections are looked at while they end, in milliseconds. */
const look = 20;

export interface DrainSteps {
  /** Readiness fails from here on. */
  begin(): void;
  /** Resolves when nothing more is accepted. */
  stopAccepting(): Promise<void>;
  /** Ends what is left. @returns how many sessions it cut. */
  cut(reason: "drain_deadline" | "stopped"): Promise<number>;
}

/** How a drain went. */
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
  shared: SharedMemory,
  steps: DrainSteps,
  hurry: AbortSignal,
): Promise<Drained> {
  steps.begin();
  await sleep(settings.delay, undefined, { signal: hurry }).catch(() => {});
  await steps.stopAccepting();
  const open = (): number => Atomics.load(shared.process, openConnections);
  const atFirst = open();
  const deadline = performance.now() + settings.timeout;
  while (open() > 0 && performance.now() < deadline && !hurry.aborted)
    await sleep(look, undefined, { signal: hurry }).catch(() => {});
  const cut = await steps.cut(hurry.aborted ? "stopped" : "drain_deadline");
  return { ended: Math.max(0, atFirst - cut), cut };
}
