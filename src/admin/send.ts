import type { IncomingMessage, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";

/** The text of an answer. A long one comes in pieces, which are made when the client has taken those before. */
export type Body = string | AsyncIterable<string>;

export interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly body: Body;
}

export const textType = "text/plain; charset=utf-8";
export const htmlType = "text/html; charset=utf-8";
export const jsonType = "application/json; charset=utf-8";

/** A client that sends nothing, or reads nothing of its answer, for so long is cut off; in milliseconds. */
export const idleTimeout = 10_000;
/** In bytes; a shorter answer is one packet anyway. */
const worthCompressing = 1_400;
/** Fast, and small enough: the text of metrics is a twentieth with it. */
const level = 1;

/** Answers a request. @throws where the body can't be made. A client that leaves is no fault. */
export async function send(
  request: IncomingMessage,
  response: ServerResponse,
  { status, contentType, body }: Answer,
): Promise<void> {
  const { whole, rest } = await begin(body);
  if (response.destroyed) {
    // Its client has left meanwhile.
    await rest?.return();
    return;
  }
  response.socket?.setTimeout(idleTimeout);
  response.setHeader("Content-Type", contentType);
  response.setHeader("Cache-Control", "no-store");
  response.setHeader("X-Content-Type-Options", "nosniff");
  const length = whole === undefined ? Number.POSITIVE_INFINITY : Buffer.byteLength(whole);
  const compressed = length >= worthCompressing && takesGzip(request);
  if (length >= worthCompressing) response.setHeader("Vary", "Accept-Encoding");
  if (compressed) response.setHeader("Content-Encoding", "gzip");
  else if (whole !== undefined) response.setHeader("Content-Length", length);
  response.writeHead(status);
  if (request.method === "HEAD") {
    response.end();
    await rest?.return();
  } else if (whole !== undefined && !compressed) response.end(whole);
  else {
    const source = Readable.from(rest ?? [whole], { objectMode: true, highWaterMark: 1 });
    const sent = compressed ? pipeline(source, createGzip({ level }), response) : pipeline(source, response);
    await sent.catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ERR_STREAM_PREMATURE_CLOSE") throw error;
    });
  }
}

/** Sees whether a text is short: its length can be told then, and a fault of it can still be answered with. */
async function begin(body: Body): Promise<{ readonly whole?: string; readonly rest?: Pieces }> {
  if (typeof body === "string") return { whole: body };
  const pieces = body[Symbol.asyncIterator]();
  const first = await pieces.next();
  const second = first.done ? first : await pieces.next();
  if (second.done) return { whole: first.done ? "" : first.value };
  return { rest: rejoined([first.value, second.value], pieces) };
}

/** Unlike a generator that nobody has asked for anything, it ends when it is told to. */
interface Pieces extends AsyncIterable<string> {
  return(): Promise<IteratorResult<string>>;
}

function rejoined(begun: string[], pieces: AsyncIterator<string>): Pieces {
  const next = async (): Promise<IteratorResult<string>> => {
    const value = begun.shift();
    return value === undefined ? pieces.next() : { value };
  };
  const end = async (): Promise<IteratorResult<string>> =>
    (await pieces.return?.()) ?? { done: true, value: undefined };
  return { return: end, [Symbol.asyncIterator]: () => ({ next, return: end }) };
}

/** RFC 9110 section 12.5.3. */
function takesGzip({ headers }: IncomingMessage): boolean {
  return String(headers["accept-encoding"] ?? "")
    .toLowerCase()
    .split(",")
    .some((coding) => {
      const [name, ...parameters] = coding.split(";").map((part) => part.trim());
      const weight = parameters.find((parameter) => parameter.startsWith("q="));
      return name === "gzip" && (weight === undefined || Number(weight.slice(2)) > 0);
    });
}
