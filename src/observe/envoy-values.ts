import { grpcStatusNames, grpcStatusOfHttp } from "../model/grpc-status.ts";
import type { RequestReason } from "../model/reasons.ts";
import type { LineValue, LoggedRequest, RequestRecord } from "./request-log.ts";

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
  fault_injected: "FI",
  auth_unavailable: "UAEX",
};

/** @returns undefined where nothing went wrong. */
export const flagOf = ({ reason }: RequestRecord): string | undefined => flags[reason];

const whole = (ms: number | undefined): number | undefined => (ms === undefined ? undefined : Math.round(ms));

/** How a call ended, by its answer; by the answer's status, where it does not say. Undefined: there was no answer. */
export const grpcStatusOf = ({ grpcStatus, status }: RequestRecord): number | undefined =>
  grpcStatus ?? (status === 0 ? undefined : grpcStatusOfHttp(status));

/** Of calls alone, which are no `application/grpc-web`. */
const ofCall = (record: RequestRecord, request: LoggedRequest | undefined): number | undefined =>
  /^application\/grpc(\+|$)/.test(request?.header("content-type") ?? "") ? grpcStatusOf(record) : undefined;

const camelNames: readonly string[] = grpcStatusNames.map((name) => {
  if (name === "OK") return name;
  if (name === "CANCELLED") return "Canceled";
  return name.toLowerCase().replaceAll(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase());
});

/** Of a status without a name, its number. */
const named = (names: readonly string[], status: number | undefined): string | undefined =>
  status === undefined ? undefined : (names[status] ?? String(status));

/** Values of lines that have Envoy's form. */
export const envoyValues: Readonly<Record<string, LineValue>> = {
  "envoy.start": ({ duration, ended }) => new Date(ended - duration).toISOString(),
  "envoy.flags": flagOf,
  "envoy.route": ({ route, title = route }) => title,
  "envoy.status": ({ status }) => status,
  "envoy.grpc_status": (record, request) => named(camelNames, ofCall(record, request)),
  "envoy.grpc_status_name": (record, request) => named(grpcStatusNames, ofCall(record, request)),
  "envoy.grpc_status_number": ofCall,
  "envoy.client": ({ client }, request) => {
    if (client === "") return undefined;
    return `${client.includes(":") ? `[${client}]` : client}:${request?.variable("client.port") || 0}`;
  },
  "envoy.failure": ({ attempts }) => attempts.at(-1)?.error,
  "envoy.nothing": () => undefined,
  "envoy.sending": ({ duration, firstByte }) =>
    firstByte === undefined ? undefined : whole(Math.max(duration - firstByte, 0)),
  "envoy.duration": ({ duration }) => whole(duration),
  "envoy.first_byte": ({ firstByte }) => whole(firstByte),
};
