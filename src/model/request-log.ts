import type { LinePart } from "./access-log.ts";

/** All that a line of a template may have of a request, besides fields of its heads: what each name means. */
export const requestFields = {
  time: "when the request was over, ISO 8601",
  id: "the request's id",
  trace: "the trace that it is in, where requests are traced",
  client: "the client's address, as far as it is believed",
  user: "who the client is, as a guard of the route has found",
  listener: "the listener",
  protocol: "`HTTP/1.1` or `HTTP/2`",
  method: "the method",
  host: "the host that was asked for, with its port",
  path: "the path in normal form, without the query, which may have secrets in it",
  route: "the route",
  pool: "the pool",
  backend: "the last backend that got the request",
  attempts: "how many backends were tried",
  status: "the status of the answer; 499: the client went before it had one",
  grpc_status:
    "the number that gRPC has for how a call ended, where the answer says it; -1: what it says is no number",
  received: "bytes of the request's body",
  sent: "bytes of the answer's body",
  first_byte_ms: "from the request's head to the head of the backend's answer",
  duration_ms: "from the request's head to the last byte of the answer",
  reason: "how it ended, see [reasons.md](reasons.md)",
  detail: "the exact rule or fault behind the reason",
  origin: "who caused that: client, umay or backend",
} as const;

export type RequestFieldName = keyof typeof requestFields;

export const isRequestField = (name: string): name is RequestFieldName => Object.hasOwn(requestFields, name);

/** The table of these fields for the documentation, in Markdown. */
export function requestFieldsTable(): string {
  const rows = Object.entries(requestFields).map(([name, text]) => `| \`${name}\` | ${text} |`);
  return ["| field | meaning |", "| --- | --- |", ...rows].join("\n");
}

const commonParts: readonly LinePart[] = [
  { field: "client" },
  " - ",
  { field: "user" },
  " [",
  { field: "common.time" },
  '] "',
  { field: "common.request" },
  '" ',
  { field: "common.status" },
  " ",
  { field: "sent" },
];

/** The formats that programs which read logs know. */
export const knownFormats: Readonly<Record<"common" | "combined", readonly LinePart[]>> = {
  common: commonParts,
  combined: [...commonParts, ' "', { field: "common.referer" }, '" "', { request: "user-agent" }, '"'],
};
