import { AnswerReader, encodeRequest } from "../http/http2/answer.ts";
import { version } from "../lib/version.ts";
import type { GrpcCheckSpec } from "../model/health.ts";
import {
  authorityOf,
  type CheckTarget,
  exchange,
  type HealthCheck,
  type Outcome,
  type Talk,
} from "./check.ts";
import { createDial } from "./dial.ts";

/** HealthCheckResponse.ServingStatus of grpc.health.v1 (health.proto of the gRPC project). */
const servingStatuses = ["UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"];
const serving = 1;
/** A real answer has a few bytes. */
const mostBytes = 1024;
const wanted = new Set([":status", "grpc-status", "grpc-message"]);

/** Passed when `grpc.health.v1.Health/Check` answers SERVING. */
export function createGrpcCheck(spec: GrpcCheckSpec): HealthCheck {
  const dial = createDial(spec, "h2");
  const body = frame(healthCheckRequest(spec.service));
  const questions = new WeakMap<CheckTarget, Buffer>();
  const questionFor = (target: CheckTarget): Buffer => {
    const known = questions.get(target);
    if (known !== undefined) return known;
    const question = encodeRequest({
      secure: spec.tls !== undefined,
      path: "/grpc.health.v1.Health/Check",
      authority: spec.host ?? authorityOf(target),
      contentType: "application/grpc",
      userAgent: `umay/${version} health check`,
      body,
    });
    questions.set(target, question);
    return question;
  };
  return {
    check: (target, done) =>
      exchange(dial, target, done, (outcome) => talk(outcome, () => questionFor(target))),
  };
}

function talk(outcome: Outcome, question: () => Buffer): Talk {
  const answer = readAnswer(outcome);
  return {
    ready: (connection) => connection.write(question()),
    receive(chunk, connection) {
      const reply = answer.push(chunk);
      if (reply !== undefined) connection.write(reply);
    },
  };
}

function readAnswer({ pass, fail }: Outcome): AnswerReader {
  const chunks: Buffer[] = [];
  let bytes = 0;
  let httpStatus = "none";
  let grpcStatus = "none";
  let grpcMessage = "";
  return new AnswerReader(wanted, {
    headers(headers) {
      httpStatus = headers.get(":status") ?? httpStatus;
      if (httpStatus !== "200" && !httpStatus.startsWith("1"))
        fail(new Error(`HTTP status ${httpStatus}, expected 200`));
      grpcStatus = headers.get("grpc-status") ?? grpcStatus;
      if (headers.has("grpc-message")) grpcMessage = `: ${headers.get("grpc-message")}`;
    },
    data(chunk) {
      chunks.push(Buffer.from(chunk));
      bytes += chunk.length;
      if (bytes > mostBytes) fail(new Error(`the answer is longer than ${mostBytes} bytes`));
    },
    end() {
      const status = readServingStatus(Buffer.concat(chunks));
      if (grpcStatus !== "0") fail(new Error(`grpc-status ${grpcStatus}${grpcMessage}, expected 0`));
      else if (status === serving) pass();
      else if (status === undefined) fail(new Error("the answer is no HealthCheckResponse"));
      else fail(new Error(`${servingStatuses[status] ?? `serving status ${status}`}, expected SERVING`));
    },
  });
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
