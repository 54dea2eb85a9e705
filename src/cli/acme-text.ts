import type { AcmeStatus } from "../control/tell/status/acme.ts";
import { table } from "./table.ts";
import { duration } from "./words.ts";

/** The certificates that a umay gets over ACME, as a table; empty where it gets none. */
export function acmeTable(certificates: readonly AcmeStatus[], now: number = Date.now()): string {
  if (certificates.length === 0) return "";
  const rows = certificates.map(({ name, listeners, state, not_after, next, failures, error }) => [
    name,
    listeners.join(", "),
    failures === 0 ? state : `${state}, ${failures} in a row`,
    not_after === null ? "none yet" : inTime(not_after, now),
    next === null ? "" : inTime(next, now),
    error ?? "",
  ]);
  return table(["CERTIFICATE", "LISTENER", "STATE", "ENDS", "NEXT TRY", "WHY"], rows);
}

function inTime(time: string, now: number): string {
  const left = (Date.parse(time) - now) / 1000;
  return left <= 0 ? "now" : `in ${duration(left)}`;
}
