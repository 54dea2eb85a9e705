import type { RequestReason } from "../model/reasons.ts";
import type { RequestRecord } from "./request-log.ts";

/** The flags by which Envoy's logs say how a request ended (`%RESPONSE_FLAGS%`). */
const flags: Partial<Readonly<Record<RequestReason, string>>> = {
  no_backend: "UH",
  connect_failed: "UF",
  queue_full: "UO",
  queue_timeout: "UO",
  overloaded: "OM",
  retry_budget: "UF",
  backend_reset: "UC",
  backend_closed: "UC",
  backend_refused: "UR",
  bad_response: "UPE",
  response_head_too_large: "UPE",
  retry_failed: "URX",
  first_byte_timeout: "UT",
  try_timeout: "UT",
  request_timeout_backend: "UT",
  idle_timeout: "SI",
  client_reset: "DC",
  bad_request: "DPE",
  no_host: "NR",
  no_route: "NR",
  rate_limited: "RL",
  auth_unavailable: "UAEX",
};

/** @returns undefined where nothing went wrong. */
export const flagOf = ({ reason }: RequestRecord): string | undefined => flags[reason];

type Value = (record: RequestRecord) => string | number | undefined;

const whole = (ms: number | undefined): number | undefined => (ms === undefined ? undefined : Math.round(ms));

/** Values of lines that have Envoy's form. */
export const envoyValues: Readonly<Record<string, Value>> = {
  "envoy.start": ({ duration }) => new Date(Date.now() - duration).toISOString(),
  "envoy.flags": flagOf,
  "envoy.route": ({ route, title = route }) => title,
  "envoy.status": ({ status }) => status,
  "envoy.duration": ({ duration }) => whole(duration),
  "envoy.first_byte": ({ firstByte }) => whole(firstByte),
};
