import { type ClientHttp2Session, type ClientHttp2Stream, constants } from "node:http2";
import { soon } from "./peer.ts";

/** The outcome of a stream. */
export interface Outcome {
  readonly status: number | undefined;
  readonly body: Buffer;
  /** END_STREAM came. */
  readonly isWhole: boolean;
  readonly code: number;
  readonly trailers: string | undefined;
}

/** Also after an error. */
export const closed = (one: ClientHttp2Stream | ClientHttp2Session): Promise<void> =>
  new Promise((resolve) => one.once("close", resolve));

/** Reads a stream to its end, whichever that is. */
export async function outcomeOf(stream: ClientHttp2Stream): Promise<Outcome> {
  let status: number | undefined;
  let trailers: string | undefined;
  let isWhole = false;
  const parts: Buffer[] = [];
  stream.on("response", (head) => {
    status = head[":status"];
  });
  stream.on("trailers", (fields) => {
    trailers = fields["grpc-status"] as string | undefined;
  });
  stream.on("data", (part: Buffer) => parts.push(part));
  stream.on("end", () => {
    isWhole = !stream.aborted && stream.rstCode === constants.NGHTTP2_NO_ERROR;
  });
  stream.on("error", () => {});
  await soon(closed(stream), "the end of a stream");
  return { status, body: Buffer.concat(parts), isWhole, code: stream.rstCode, trailers };
}
