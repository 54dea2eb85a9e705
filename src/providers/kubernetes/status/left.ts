import type { PresentStatus } from "./present.ts";
import type { Json } from "./stamp.ts";

const lists = ["parents", "ancestors"] as const;

/** The statuses of objects that have an entry of ours, and are not ours any more: without it. */
export function leftStatuses(
  present: ReadonlyMap<string, PresentStatus>,
  wanted: ReadonlyMap<string, Json>,
  controller: string,
): ReadonlyMap<string, Json> {
  const left = new Map<string, Json>();
  for (const [id, { status }] of present) {
    if (wanted.has(id)) continue;
    for (const list of lists) {
      const entries = status[list];
      if (Array.isArray(entries) && entries.some((entry) => entry?.controllerName === controller))
        left.set(id, { ...status, [list]: [] });
    }
  }
  return left;
}
