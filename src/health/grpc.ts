import { fieldOf } from "../http/http2/hpack/field.ts";
import type { Fields, ResponseHead } from "../http/message.ts";
import { framed, onlyMessage } from "../lib/grpc-message.ts";
import type { GrpcCheckSpec } from "../model/health.ts";
import { authorityOf, exchange, type HealthCheck, type Outcome } from "./check.ts";
import { createDial } from "./dial.ts";
import type { CheckAnswer, CheckRequest } from "./http-answer.ts";
import { talkHttp2 } from "./talk-http2.ts";

/** HealthCheckResponse.ServingStatus of grpc.health.v1 (health.proto of the gRPC project). */
const servingStatuses = ["UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"];
const serving = 1;
/** A real answer has a few bytes. */
const mostBody = 1024;
/** Of all that the backend says, in bytes: a usual answer has a few hundred. */
const mostBytes = 64 * 1024;
/** There is no room in a log line for more of what a backend says, in characters. */
const longestMessage = 200;
const contentType = fieldOf("content-type", "application/grpc");

/** Passed when `grpc.health.v1.Health/Check` answers SERVING. */
export function createGrpcCheck(spec: GrpcCheckSpec): HealthCheck {
  const dial = createDial(spec, ["h2"]);
  const body = framed(healthCheckRequest(spec.service));
  const requestFor = (authority: string): CheckRequest => ({
    method: "POST",
    secure: spec.tls !== undefined,
    authority,
    path: "/grpc.health.v1.Health/Check",
    fields: [contentType],
    body,
  });
  return {
    check: (target, done) =>
      exchange(dial, target, done, (outcome) =>
        talkHttp2(outcome, requestFor(spec.host ?? authorityOf(target)), new Answer(outcome), mostBytes),
      ),
  };
}

/** Reads the backend's answer. */
class Answer implements CheckAnswer {
  readonly #outcome: Outcome;
  readonly #chunks: Buffer[] = [];
  #bytes = 0;
  #status = "none";
  #message = "";

  constructor(outcome: Outcome) {
    this.#outcome = outcome;
  }

  response({ status, fields }: ResponseHead): void {
    if (status !== 200) this.#fail(`HTTP status ${status}, expected 200`);
    this.#readStatus(fields);
  }

  body(bytes: Buffer, start: number, end: number, last: boolean): boolean {
    this.#bytes += end - start;
    if (this.#bytes > mostBody) this.#fail(`the answer is longer than ${mostBody} bytes`);
    else this.#chunks.push(Buffer.from(bytes.subarray(start, end)));
    if (last) this.end(undefined);
    return true;
  }

  end(trailers: Fields | undefined): void {
    if (trailers !== undefined) this.#readStatus(trailers);
    const status = readServingStatus(Buffer.concat(this.#chunks));
    if (this.#status !== "0") this.#fail(`grpc-status ${this.#status}${this.#message}, expected 0`);
    else if (status === serving) this.#outcome.pass();
    else if (status === undefined) this.#fail("the answer is no HealthCheckResponse");
    else this.#fail(`${servingStatuses[status] ?? `serving status ${status}`}, expected SERVING`);
  }

  failed(message: string | undefined): void {
    if (message !== undefined) this.#fail(message);
  }

  #readStatus(fields: Fields): void {
    const status = fields.findName("grpc-status");
    const message = fields.findName("grpc-message");
    if (status >= 0) this.#status = fields.value(status);
    if (message >= 0) this.#message = `: ${fields.value(message).slice(0, longestMessage)}`;
  }

  #fail(message: string): void {
    this.#outcome.fail(new Error(message));
  }
}

/** `string service = 1` in protobuf's wire format. @param service at most 127 bytes. */
function healthCheckRequest(service: string): Buffer {
  const name = Buffer.from(service);
  return name.length === 0 ? name : Buffer.concat([Buffer.from([0x0a, name.length]), name]);
}

/**
 * The `ServingStatus status = 1` of a framed HealthCheckResponse. A message without it means 0, UNKNOWN.
 * @returns undefined when the bytes are anything else.
 */
export function readServingStatus(bytes: Buffer): number | undefined {
  const message = onlyMessage(bytes);
  if (message === undefined) return undefined;
  if (message.length === 0) return 0;
  return message.length === 2 && message[0] === 0x08 && message[1]! < 0x80 ? message[1] : undefined;
}
