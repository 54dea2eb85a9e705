import type { Guard } from "../../model/http/guard.ts";

/** What a request has to pass, a line for each group of guards. */
export const guardLines = (groups: readonly (readonly Guard[])[]): string[] =>
  groups.map((guards) => guards.map(wordsOf).join(", or "));

function wordsOf({ name, allow }: Guard): string {
  return `${name}: a client certificate${allow === undefined ? "" : ` that fits one of ${allow.length} rules`}`;
}
