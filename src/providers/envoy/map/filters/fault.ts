import { errorAt, warningAt } from "../../../../lib/findings.ts";
import { percentOf } from "../fraction.ts";
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
    parts.special.push({ match: { ...parts.match, percent }, guards: [...parts.guards], status });
};
