import { errorAt } from "../../../../lib/findings.ts";
import type { Delay } from "../../../../model/http/guard.ts";
import type { ValueMatch } from "../../../../model/http/match.ts";
import type { Node } from "../../node.ts";
import type { Mapping } from "../context.ts";
import { percentOf } from "../fraction.ts";
import { mapHeader } from "../match.ts";
import { splitOff } from "./parts.ts";
import type { ApplyFilter } from "./registry.ts";

/** In milliseconds. */
const longestDelay = 3_600_000;

/** `HTTPFault`: a part of the requests is held up, and a part of them answered with a status, of those with certain fields. */
export const applyFault: ApplyFilter = async ({ name, config, own }, parts, guards, mapping) => {
  const from = own ?? config;
  const headers = await headersOf(from, mapping);
  if (headers === undefined) return;
  const match = { ...parts.match, headers: [...parts.match.headers, ...headers] };
  const delay = from.node("delay");
  const guard =
    delay && (await guards.nameOf(delay, "delays", name, (label) => delayOf(delay, label, mapping)));
  const meant = guard === undefined || headers.length === 0 ? parts : splitOff(parts, match);
  if (guard !== undefined) meant.guards.push([guard]);
  const abort = from.node("abort");
  const status = abort?.number("http_status");
  if (abort === undefined) return;
  if (status === undefined || status < 200 || status > 599) {
    mapping.report(errorAt(abort.path, "expected http_status, from 200 to 599"));
    return;
  }
  const percent = shareOf(abort);
  // One draw counts for the route and for the fault.
  if (percent > 0) splitOff(meant, { ...match, percent: (percent * (match.percent ?? 100)) / 100 }, status);
};

/** In percent; without a word it is none. */
function shareOf(fault: Node): number {
  const share = fault.node("percentage");
  return share === undefined ? 0 : percentOf(share);
}

/** @returns undefined after an error. */
async function headersOf(from: Node, mapping: Mapping): Promise<readonly ValueMatch[] | undefined> {
  const found = await Promise.all(from.nodes("headers").map((header) => mapHeader(header, mapping)));
  return found.every((match) => match !== undefined) ? (found as readonly ValueMatch[]) : undefined;
}

/** @returns undefined where nothing is held up, or after an error. */
function delayOf(delay: Node, name: string, { report }: Mapping): Delay | undefined {
  const percent = shareOf(delay);
  const time = delay.number("fixed_delay");
  if (time === undefined || time <= 0 || time > longestDelay)
    report(errorAt(delay.at("fixed_delay"), "expected a time above 0 s, up to an hour"));
  else if (percent > 0) return { kind: "delay", name, time, percent };
  return undefined;
}
