import type { ClientHttp2Stream } from "node:http2";
import { http2 } from "../lib/node-modules.ts";
import { version } from "../lib/version.ts";
import type { GrpcCheckSpec } from "../model/health.ts";
import { authorityOf, exchange, type HealthCheck, type Outcome } from "./check.ts";
import { createDial } from "./dial.ts";

/** HealthCheckResponse.ServingStatus of grpc.health.v1 (health.proto of the gRPC project). */
const servingStatuses = ["UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"];
const serving = 1;
/** An answer has a few bytes; more is not one. */
const mostBytes = 1024;

/** Passed when `grpc.health.v1.Health/Check` answers SERVING. */
export function createGrpcCheck(spec: GrpcCheckSpec): HealthCheck {
  const dial = createDial(spec, "h2");
  const question = frame(healthCheckRequest(spec.service));
  const scheme = spec.tls === undefined ? "http" : "https";
  return {
    check(target, signal) {
      const socket = dial(target);
      return exchange(socket, signal, (outcome) => {
        const session = http2().connect(`${scheme}://health`, { createConnection: () => socket });
        session.on("error", outcome.fail);
        const stream = session.request({
          ":method": "POST",
          ":path": "/grpc.health.v1.Health/Check",
          ":authority": spec.host ?? authorityOf(target),
          "content-type": "application/grpc",
          te: "trailers",
          "user-agent": `umay/${version} health check`,
        });
        readAnswer(stream, outcome);
        stream.end(question);
      });
    },
  };
}

function readAnswer(stream: ClientHttp2Stream, outcome: Outcome): void {
  const chunks: Buffer[] = [];
  let bytes = 0;
  let grpcStatus = "none";
  let grpcMessage = "";
  const read = (headers: Readonly<Record<string, unknown>>): void => {
    if (headers["grpc-status"] === undefined) return;
    grpcStatus = String(headers["grpc-status"]);
    grpcMessage = headers["grpc-message"] === undefined ? "" : `: ${String(headers["grpc-message"])}`;
  };
  stream.on("error", outcome.fail);
  stream.on("response", (headers) => {
    if (headers[":status"] !== 200)
      outcome.fail(new Error(`HTTP status ${headers[":status"]}, expected 200`));
    read(headers);
  });
  stream.on("trailers", read);
  stream.on("data", (chunk: Buffer) => {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > mostBytes) outcome.fail(new Error(`the answer is longer than ${mostBytes} bytes`));
  });
  stream.on("end", () => {
    const status = readServingStatus(Buffer.concat(chunks));
    if (grpcStatus !== "0") outcome.fail(new Error(`grpc-status ${grpcStatus}${grpcMessage}, expected 0`));
    else if (status === serving) outcome.pass();
    else if (status === undefined) outcome.fail(new Error("the answer is no HealthCheckResponse"));
    else
      outcome.fail(new Error(`${servingStatuses[status] ?? `serving status ${status}`}, expected SERVING`));
  });
}

/** `string service = 1` in protobuf's wire format. @param service at most 127 bytes. */
function healthCheckRequest(service: string): Buffer {
  const name = Buffer.from(service);
  return name.length === 0 ? name : Buffer.concat([Buffer.from([0x0a, name.length]), name]);
}

/** A message with the prefix that gRPC gives it over HTTP/2: not compressed, four bytes of length. */
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
