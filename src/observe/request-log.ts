import { type RequestReason, requestReasons } from "../model/reasons.ts";
import { loggedStatus } from "./request-fields.ts";
import { type AttemptRecord, present, rounded, toMicroseconds } from "./session-log.ts";
import type { LineLogger } from "./worker-logger.ts";

/** The content of a request's log line. The line has no field for an empty string or undefined. */
export interface RequestRecord {
  readonly id: string;
  /** The client's address, as far as it is believed. */
  readonly client: string;
  readonly listener: string;
  readonly protocol: string;
  readonly method: string;
  /** As the client sent it, with its port. */
  readonly host: string;
  /** In normal form, without the query, which may have secrets in it. */
  readonly path: string;
  readonly route: string;
  readonly pool: string;
  /** The address of the last backend that got the request. */
  readonly backend: string;
  readonly attempts: readonly AttemptRecord[];
  /** Of the answer; 0: there was none. */
  readonly status: number;
  /** Bytes of the request's body. */
  readonly received: number;
  /** Bytes of the response's body. */
  readonly sent: number;
  /** From the request's head to the head of the backend's answer, in milliseconds. */
  readonly firstByte: number | undefined;
  /** From the request's head to the last byte of the answer, in milliseconds. */
  readonly duration: number;
  readonly reason: RequestReason;
  readonly detail: string | undefined;
  /** The trace that it is in; empty: none. */
  readonly trace: string;
  /** The client's name, as a guard has found it; empty: unknown. */
  readonly user: string;
  /** Fields of the request and of the response that the configuration names; undefined: none. */
  readonly requestFields: Readonly<Record<string, string>> | undefined;
  readonly responseFields: Readonly<Record<string, string>> | undefined;
}

/** Writes the line of a request that is over, at level info. */
export function logRequest(logger: LineLogger, record: RequestRecord): void {
  if (logger.isLevelEnabled("info")) logger.info(...requestLine(record));
}

/** The fields of its line, and the words. */
export function requestLine(record: RequestRecord): readonly [fields: object, text: string] {
  const { origin, text } = requestReasons[record.reason];
  return [
    {
      id: present(record.id),
      trace: present(record.trace),
      client: present(record.client),
      user: present(record.user),
      listener: record.listener,
      protocol: record.protocol,
      method: present(record.method),
      host: present(record.host),
      path: present(record.path),
      route: present(record.route),
      pool: present(record.pool),
      backend: present(record.backend),
      attempts: record.attempts.length === 0 ? undefined : record.attempts.map(rounded),
      status: loggedStatus(record),
      received: record.received,
      sent: record.sent,
      first_byte_ms: toMicroseconds(record.firstByte),
      duration_ms: toMicroseconds(record.duration),
      request: record.requestFields,
      response: record.responseFields,
      reason: record.reason,
      detail: record.detail,
      origin,
    },
    text,
  ];
}
