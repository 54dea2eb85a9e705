import { framed, onlyMessage } from "../lib/grpc-message.ts";
import { http2 } from "../lib/node-modules.ts";

/** Of an answer that is looked at, in bytes. */
const longestAnswer = 65_536;

/**
 * Calls a method of gRPC that takes one message and answers with one, over a connection of its own.
 * @returns the answer's message. @throws where the call fails.
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
    reject(signal.aborted ? new Error("it does not answer in time", { cause: error }) : error);
    session.destroy();
  };
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
    const code = fields["grpc-status"];
    const answer = onlyMessage(Buffer.concat(parts));
    if (code !== "0")
      fail(new Error(`the collector answered with status ${code} of gRPC: ${fields["grpc-message"] ?? ""}`));
    else if (answer === undefined) fail(new Error("the collector's answer is not one whole message"));
    else {
      resolve(answer);
      session.destroy();
    }
  };
  stream.on("response", (head) => {
    if (head[":status"] !== 200) fail(new Error(`the collector answered with status ${head[":status"]}`));
    else if (head["grpc-status"] !== undefined) endBy(head);
  });
  stream.on("data", (part: Buffer) => {
    length += part.length;
    if (length > longestAnswer)
      fail(new Error(`the collector's answer has more than ${longestAnswer} bytes`));
    else parts.push(part);
  });
  stream.on("trailers", endBy).on("error", fail);
  stream.on("close", () => fail(new Error("the collector ended without a status of gRPC")));
  stream.end(framed(message));
  return promise;
}
