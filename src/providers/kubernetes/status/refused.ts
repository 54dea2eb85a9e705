import type { Json } from "./stamp.ts";

/** Statuses as they are where a proposal is not served: what was to be programmed is not. */
export function refusedStatuses(
  statuses: ReadonlyMap<string, Json>,
  reason: string,
): ReadonlyMap<string, Json> {
  return new Map(statuses.entries().map(([id, status]) => [id, refused(status, reason) as Json]));
}

function refused(value: unknown, reason: string): unknown {
  if (Array.isArray(value)) return value.map((each) => refused(each, reason));
  if (typeof value !== "object" || value === null) return value;
  const { type, status } = value as Json;
  if (type === "Programmed" && status === "True") {
    const message = `what was served before is served on: ${reason}`.slice(0, 1_024);
    return { ...value, status: "False", reason: "Pending", message };
  }
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, refused(part, reason)]));
}
