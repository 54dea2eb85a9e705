import { framed, onlyMessage } from "../lib/grpc-message.ts";
import { http2 } from "../lib/node-modules.ts";
import { failureOfStatus, SendFailure, unanswered } from "./failure.ts";
import { readRetryDelay } from "./wire.ts";

/** Of an answer that is looked at, in bytes. */
const longestAnswer = 65_536;

/**
 * Codes behind which the same may be sent again (OTLP 1.5, "Failures" of OTLP/gRPC): CANCELLED, DEADLINE_EXCEEDED, ABORTED,
 * OUT_OF_RANGE, UNAVAILABLE, DATA_LOSS. RESOURCE_EXHAUSTED is one of them where the collector says when.
 */
const passing: ReadonlySet<unknown> = new Set(["1", "4", "10", "11", "14", "15"]);
const exhausted = "8";

/**
 * Calls a method of gRPC that takes one message and answers with one, over a connection of its own.
 * @returns the answer's message. @throws SendFailure where the call fails.
 */
export function callOnce(
  url: string,
  message: Uint8Array,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const { origin, pathname } = new URL(url);
  const session = http2().connect(origin);
  const fail = (error: Error): void => {
    reject(unanswered(error, signal));
    session.destroy();
  };
  const refuse = (message: string): void => fail(new SendFailure(message, undefined));
  session.on("error", fail).on("close", () => fail(new Error("the connection was closed")));
  signal.addEventListener("abort", () => fail(new Error("aborted")), { once: true });
  const stream = session.request({
    ...headers,
    ":method": "POST",
    ":path": pathname,
    "content-type": "application/grpc",
    te: "trailers",
  });
  const parts: Buffer[] = [];
  let length = 0;
  const endBy = (fields: Readonly<Record<string, unknown>>): void => {
    const answer = onlyMessage(Buffer.concat(parts));
    if (fields["grpc-status"] !== "0") fail(failureOf(fields));
    else if (answer === undefined) refuse("the collector's answer is not one whole message");
    else {
      resolve(answer);
      session.destroy();
    }
  };
  stream.on("response", (head) => {
    if (head[":status"] !== 200) fail(failureOfStatus(Number(head[":status"]), head["retry-after"]));
    else if (head["grpc-status"] !== undefined) endBy(head);
  });
  stream.on("data", (part: Buffer) => {
    length += part.length;
    if (length > longestAnswer) refuse(`the collector's answer has more than ${longestAnswer} bytes`);
    else parts.push(part);
  });
  stream.on("trailers", endBy).on("error", fail);
  stream.on("close", () => fail(new Error("the collector ended without a status of gRPC")));
  stream.end(framed(message));
  return promise;
}

function failureOf(fields: Readonly<Record<string, unknown>>): SendFailure {
  const { "grpc-status": code, "grpc-message": word = "", "grpc-status-details-bin": details } = fields;
  const delay = typeof details === "string" ? readRetryDelay(Buffer.from(details, "base64")) : undefined;
  const again = code === exhausted ? delay : passing.has(code) ? (delay ?? 0) : undefined;
  return new SendFailure(`the collector answered with status ${code} of gRPC: ${word}`, again);
}
