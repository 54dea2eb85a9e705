import { details, type Fault } from "../http/fault.ts";
import { ClientConnection } from "../http/http2/client-connection.ts";
import type { ClientStream, ResponseUser } from "../http/http2/client-stream.ts";
import { FieldList } from "../http/http2/field-list.ts";
import { fieldOf } from "../http/http2/hpack/field.ts";
import { backendSideLimits, type ConnectionLimits } from "../http/http2/limits.ts";
import { codeName } from "../http/http2/protocol.ts";
import type { Fields, RequestHead, ResponseHead } from "../http/message.ts";
import { version } from "../lib/version.ts";
import type { GrpcCheckSpec } from "../model/health.ts";
import { authorityOf, exchange, type HealthCheck, type Outcome, type Talk } from "./check.ts";
import type { Connection } from "./connection.ts";
import { createDial } from "./dial.ts";

/** HealthCheckResponse.ServingStatus of grpc.health.v1 (health.proto of the gRPC project). */
const servingStatuses = ["UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"];
const serving = 1;
/** A real answer has a few bytes. */
const mostBody = 1024;
/** Of all that the backend says, in bytes: a usual answer has a few hundred. */
const mostBytes = 64 * 1024;
const limits: ConnectionLimits = {
  ...backendSideLimits,
  streamWindow: mostBytes,
  connectionWindow: mostBytes,
  head: { size: 16 * 1024, fields: 128, underscores: "pass" },
};
/** There is no room in a log line for more of what a backend says, in characters. */
const longestMessage = 200;
const outputSize = 512;

/** Passed when `grpc.health.v1.Health/Check` answers SERVING. */
export function createGrpcCheck(spec: GrpcCheckSpec): HealthCheck {
  const dial = createDial(spec, "h2");
  const body = frame(healthCheckRequest(spec.service));
  return {
    check: (target, done) =>
      exchange(dial, target, done, (outcome) =>
        talk(outcome, requestFor(spec, spec.host ?? authorityOf(target), body.length), body),
      ),
  };
}

const fields = new FieldList([
  fieldOf("content-type", "application/grpc"),
  fieldOf("user-agent", `umay/${version} health check`),
]);

function requestFor({ tls }: GrpcCheckSpec, authority: string, length: number): RequestHead {
  return {
    method: "POST",
    scheme: tls === undefined ? "http" : "https",
    authority,
    host: authority,
    path: "/grpc.health.v1.Health/Check",
    query: "",
    secondPath: undefined,
    fields,
    length,
    upgrade: "",
    expectsContinue: false,
    takesTrailers: true,
  };
}

function talk(outcome: Outcome, request: RequestHead, body: Buffer): Talk {
  const http = new ClientConnection(
    limits,
    {
      borrow: () => Buffer.allocUnsafe(outputSize),
      wantsFlush() {},
      failed: ({ message }) =>
        outcome.fail(new Error(http.begun ? `the answer has ${message}` : "the answer is not HTTP/2")),
      finished() {},
    },
    performance.now(),
  );
  const flush = (connection: Connection): void => {
    for (let bytes = http.take(); bytes !== undefined; bytes = http.take()) connection.write(bytes);
  };
  let received = 0;
  return {
    ready(connection) {
      const answer = new Answer(outcome, http);
      answer.stream = http.request(request, false, answer);
      answer.stream.body(body, 0, body.length, true);
      flush(connection);
    },
    receive(chunk, connection) {
      received += chunk.length;
      if (received > mostBytes) throw new Error(`the answer is longer than ${mostBytes} bytes`);
      http.receive(chunk, 0, chunk.length, performance.now());
      flush(connection);
    },
  };
}

/** Reads the backend's answer. */
class Answer implements ResponseUser {
  stream: ClientStream | undefined;
  readonly #outcome: Outcome;
  readonly #http: ClientConnection;
  readonly #chunks: Buffer[] = [];
  #bytes = 0;
  #status = "none";
  #message = "";

  constructor(outcome: Outcome, http: ClientConnection) {
    this.#outcome = outcome;
    this.#http = http;
  }

  interim(): void {}

  switched(): void {}

  ready(): void {}

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

  fail({ detail }: Fault): void {
    const reset = this.stream?.resetCode;
    const { goAwayCode, failure } = this.#http;
    if (reset !== undefined) this.#fail(`the stream was reset with ${codeName(reset)}`);
    else if (goAwayCode !== undefined) this.#fail(`the connection was ended with ${codeName(goAwayCode)}`);
    // Then the connection's owner knows better what is wrong.
    else if (failure === undefined) this.#fail(`the answer has ${details[detail]}`);
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

/** A message with gRPC's prefix over HTTP/2: not compressed, four bytes of length. */
export function frame(message: Buffer): Buffer {
  const prefix = Buffer.alloc(5);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}

/**
 * The `ServingStatus status = 1` of a framed HealthCheckResponse. A message without it means 0, UNKNOWN.
 * @returns undefined when the bytes are anything else.
 */
export function readServingStatus(bytes: Buffer): number | undefined {
  if (bytes.length < 5 || bytes[0] !== 0 || bytes.readUInt32BE(1) !== bytes.length - 5) return undefined;
  const message = bytes.subarray(5);
  if (message.length === 0) return 0;
  return message.length === 2 && message[0] === 0x08 && message[1]! < 0x80 ? message[1] : undefined;
}
