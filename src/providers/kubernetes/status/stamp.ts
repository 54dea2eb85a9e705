import { isDeepStrictEqual } from "node:util";

/** A part of a status, as JSON. */
export type Json = Readonly<Record<string, unknown>>;

/** The parts of a list that belong to controllers, with what tells two of them apart. */
const lists: Readonly<Record<string, readonly string[]>> = {
  conditions: ["type"],
  listeners: ["name"],
  parents: ["controllerName", "parentRef"],
  ancestors: ["controllerName", "ancestorRef"],
};

/**
 * The status as it is to be written: conditions get the time since when they are so, and what other controllers have said
 * stays.
 * @param wanted ours, without times. @param present as the object has it. @param now RFC 3339.
 */
export function stamped(wanted: Json, present: Json, controller: string, now: string): Json {
  return Object.fromEntries(
    Object.entries(wanted).map(([key, value]) => {
      const keys = lists[key];
      if (keys === undefined || !Array.isArray(value)) return [key, value];
      const before = tables(present[key]);
      const others = before.filter(
        ({ controllerName }) => controllerName !== undefined && controllerName !== controller,
      );
      const own = tables(value).map((part) => {
        const old =
          before.find((each) => keys.every((name) => isDeepStrictEqual(each[name], part[name]))) ?? {};
        return key === "conditions"
          ? { ...part, lastTransitionTime: timeOf(part, old, now) }
          : stamped(part, old, controller, now);
      });
      return [key, [...others, ...own]];
    }),
  );
}

/** A merge patch (RFC 7386) that makes one status of another: what is not there any more is null. */
export function statusPatch(wanted: Json, present: Json): Json {
  const gone = Object.keys(present).filter((key) => wanted[key] === undefined);
  return { ...wanted, ...Object.fromEntries(gone.map((key) => [key, null])) };
}

/** Since when a condition has its status. */
const timeOf = (part: Json, old: Json, now: string): unknown =>
  old["status"] === part["status"] && typeof old["lastTransitionTime"] === "string"
    ? old["lastTransitionTime"]
    : now;

const tables = (value: unknown): readonly Json[] =>
  Array.isArray(value) ? value.filter((each) => typeof each === "object" && each !== null) : [];
