import { type RequestReason, requestReasons } from "../model/reasons.ts";
import type { RequestFieldName } from "../model/request-log.ts";
import type { RequestRecord } from "./request-log.ts";
import { toMicroseconds } from "./session-log.ts";

/** The status that is logged where a client went before it had an answer, as nginx has it. */
const clientGone = 499;

export const loggedStatus = ({ status }: RequestRecord): number => (status === 0 ? clientGone : status);

const originOf = (reason: RequestReason): string => requestReasons[reason].origin;

/** The meaning of the fields of a template. */
export const requestValues: Readonly<
  Record<RequestFieldName, (record: RequestRecord) => string | number | undefined>
> = {
  time: () => new Date().toISOString(),
  id: ({ id }) => id,
  trace: ({ trace }) => trace,
  client: ({ client }) => client,
  user: ({ user }) => user,
  listener: ({ listener }) => listener,
  protocol: ({ protocol }) => protocol,
  method: ({ method }) => method,
  host: ({ host }) => host,
  path: ({ path }) => path,
  route: ({ route }) => route,
  pool: ({ pool }) => pool,
  backend: ({ backend }) => backend,
  attempts: ({ attempts }) => attempts.length,
  status: loggedStatus,
  grpc_status: ({ grpcStatus }) => grpcStatus,
  received: ({ received }) => received,
  sent: ({ sent }) => sent,
  first_byte_ms: ({ firstByte }) => toMicroseconds(firstByte),
  duration_ms: ({ duration }) => toMicroseconds(duration),
  reason: ({ reason }) => reason,
  detail: ({ detail }) => detail,
  origin: ({ reason }) => originOf(reason),
};
