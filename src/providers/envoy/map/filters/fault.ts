import { errorAt, warningAt } from "../../../../lib/findings.ts";
import { percentOf } from "../fraction.ts";
import { splitOff } from "./parts.ts";
import type { ApplyFilter } from "./registry.ts";

/** `HTTPFault`: a part of the requests is answered with a status. */
export const applyFault: ApplyFilter = ({ config, own }, parts, _guards, { report }) => {
  const from = own ?? config;
  if (from.has("delay")) report(errorAt(from.at("delay"), "umay delays no requests; expected abort"));
  const abort = from.node("abort");
  const status = abort?.number("http_status");
  if (abort === undefined) return;
  if (status === undefined || status < 200 || status > 599) {
    report(errorAt(abort.path, "expected http_status, from 200 to 599"));
    return;
  }
  if (from.has("headers")) {
    report(warningAt(from.at("headers"), "has no effect: no request is answered by the fault"));
    return;
  }
  const share = abort.node("percentage");
  const percent = share === undefined ? 0 : percentOf(share);
  if (percent > 0)
    // One draw counts for the route and for the fault.
    splitOff(parts, { ...parts.match, percent: (percent * (parts.match.percent ?? 100)) / 100 }, status);
};
