import { decodeHeaders, encodeString } from "./hpack.ts";

/** RFC 9113 section 6. */
const type = {
  data: 0,
  headers: 1,
  reset: 3,
  settings: 4,
  push: 5,
  ping: 6,
  goAway: 7,
  continuation: 9,
} as const;
const endStream = 0x01;
const acknowledged = 0x01;
const endHeaders = 0x04;
const padded = 0x08;
const withPriority = 0x20;

/** RFC 9113 section 7. */
const errorCodes = [
  "NO_ERROR",
  "PROTOCOL_ERROR",
  "INTERNAL_ERROR",
  "FLOW_CONTROL_ERROR",
  "SETTINGS_TIMEOUT",
  "STREAM_CLOSED",
  "FRAME_SIZE_ERROR",
  "REFUSED_STREAM",
  "CANCEL",
  "COMPRESSION_ERROR",
  "CONNECT_ERROR",
  "ENHANCE_YOUR_CALM",
  "INADEQUATE_SECURITY",
  "HTTP_1_1_REQUIRED",
];
const codeName = (code: number): string => errorCodes[code] ?? `error ${code}`;

/** The most that a frame may have where nothing else was agreed on, and a header block here, in bytes. */
const longest = 16 * 1024;
const headLength = 9;
/** Of an answer with its framing, in bytes; those that are read have a few hundred. */
const mostBytes = 64 * 1024;
const mostFrames = 256;
/** As many interim responses are passed over. */
const mostInterim = 8;

function frame(kind: number, flags: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = kind;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** HEADER_TABLE_SIZE 0 and ENABLE_PUSH 0: headers can be read without state, and there is one stream. */
const settings = Buffer.from([0, 1, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0]);
const preface = Buffer.concat([
  Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
  frame(type.settings, 0, 0, settings),
]);
const settingsSeen = frame(type.settings, acknowledged, 0, Buffer.alloc(0));

/** A request over HTTP/2, always with POST. */
export interface Http2Request {
  readonly secure: boolean;
  readonly path: string;
  readonly authority: string;
  readonly contentType: string;
  readonly userAgent: string;
  readonly body: Buffer;
}

/** All that a client says in a connection of one request. Numbers are those of the static table. */
export function encodeRequest({
  secure,
  path,
  authority,
  contentType,
  userAgent,
  body,
}: Http2Request): Buffer {
  const block = Buffer.concat([
    Buffer.from([0x83, secure ? 0x87 : 0x86, 0x04]),
    encodeString(path),
    Buffer.from([0x01]),
    encodeString(authority),
    Buffer.from([0x0f, 31 - 15]),
    encodeString(contentType),
    Buffer.from([0x0f, 58 - 15]),
    encodeString(userAgent),
    Buffer.from([0x00]),
    encodeString("te"),
    encodeString("trailers"),
  ]);
  return Buffer.concat([
    preface,
    frame(type.headers, endHeaders, 1, block),
    frame(type.data, endStream, 1, body),
  ]);
}

export interface Http2Events {
  /** Of the answer, or its trailers: those that are wanted. */
  headers(headers: ReadonlyMap<string, string>): void;
  /** @param bytes valid until this returns. */
  data(bytes: Buffer): void;
  /** The answer is complete. */
  end(): void;
}

/**
 * Reads the answer to the one request of a connection (RFC 9113), in however many pieces it comes. Each byte is copied at
 * most twice.
 */
export class AnswerReader {
  readonly #wanted: ReadonlySet<string>;
  readonly #events: Http2Events;
  /** The frame that is coming, how much of it is there, and how much is needed next. */
  readonly #frame = Buffer.allocUnsafe(headLength + longest);
  #held = 0;
  #needed = headLength;
  #bytes = 0;
  #frames = 0;
  #interim = 0;
  /** Of a header block that goes on. */
  #block: Buffer[] | undefined;
  #blockLength = 0;
  #blockEnds = false;
  #replies: Buffer[] = [];
  #done = false;

  /** @param wanted names of headers. */
  constructor(wanted: ReadonlySet<string>, events: Http2Events) {
    this.#wanted = wanted;
    this.#events = events;
  }

  /**
   * @returns bytes to send in reply; undefined for none.
   * @throws Error that names the fault of the answer.
   */
  push(chunk: Buffer): Buffer | undefined {
    for (let at = 0; at < chunk.length && !this.#done; ) at += this.#gather(chunk, at);
    if (this.#done || this.#replies.length === 0) return undefined;
    return Buffer.concat(this.#replies.splice(0));
  }

  #gather(chunk: Buffer, at: number): number {
    const frame = this.#frame;
    const taken = chunk.copy(frame, this.#held, at, at + this.#needed - this.#held);
    this.#held += taken;
    this.#bytes += taken;
    if (this.#bytes > mostBytes) throw new Error(`the answer is longer than ${mostBytes} bytes`);
    if (this.#held === headLength && this.#needed === headLength) this.#needed += this.#begin();
    if (this.#held < this.#needed) return taken;
    const payload = frame.subarray(headLength, this.#held);
    this.#held = 0;
    this.#needed = headLength;
    this.#take(frame[3]!, frame[4]!, frame.readUInt32BE(5) & 0x7fffffff, payload);
    return taken;
  }

  /** @returns the length of the payload that follows. */
  #begin(): number {
    const length = this.#frame.readUIntBE(0, 3);
    if (this.#frames === 0 && this.#frame[3] !== type.settings) throw new Error("the answer is not HTTP/2");
    if (length > longest) throw new Error("the answer has a frame that is too long");
    if (++this.#frames > mostFrames) throw new Error(`the answer has more than ${mostFrames} frames`);
    return length;
  }

  #take(kind: number, flags: number, stream: number, payload: Buffer): void {
    if ((this.#block !== undefined) !== (kind === type.continuation))
      throw new Error("the answer has a header block that is cut short");
    if (stream === 0) this.#takeOfConnection(kind, flags, payload);
    else if (stream === 1) this.#takeOfAnswer(kind, flags, payload);
    else throw new Error(`the answer is about stream ${stream}, expected 1`);
  }

  #takeOfConnection(kind: number, flags: number, payload: Buffer): void {
    if (kind === type.settings && (flags & acknowledged) === 0) this.#replies.push(settingsSeen);
    else if (kind === type.ping && (flags & acknowledged) === 0)
      this.#replies.push(frame(type.ping, acknowledged, 0, payload));
    else if (kind === type.goAway) {
      const [last, code] = [word(payload, 0) & 0x7fffffff, word(payload, 4)];
      if (last < 1 || code !== 0) throw new Error(`the connection was ended with ${codeName(code)}`);
    } else if (kind < 2) throw new Error("the answer has a frame without a stream");
  }

  #takeOfAnswer(kind: number, flags: number, payload: Buffer): void {
    const ends = (flags & endStream) !== 0;
    if (kind === type.data) {
      this.#events.data(unpadded(flags, payload));
      if (ends) this.#end();
    } else if (kind === type.headers) {
      const block = unpadded(flags, payload);
      this.#block = [];
      this.#blockLength = 0;
      this.#blockEnds = ends;
      this.#addToBlock(flags, (flags & withPriority) === 0 ? block : block.subarray(5));
    } else if (kind === type.continuation) {
      this.#addToBlock(flags, payload);
    } else if (kind === type.reset)
      throw new Error(`the stream was reset with ${codeName(word(payload, 0))}`);
    else if (kind === type.push) throw new Error("the answer pushes, which is not allowed");
  }

  #addToBlock(flags: number, part: Buffer): void {
    this.#blockLength += part.length;
    if (this.#blockLength > longest) throw new Error("the answer has a header block that is too long");
    this.#block!.push(Buffer.from(part));
    if ((flags & endHeaders) !== 0) this.#endBlock(Buffer.concat(this.#block!));
  }

  #endBlock(block: Buffer): void {
    this.#block = undefined;
    const headers = decodeHeaders(block, this.#wanted);
    if (headers.get(":status")?.startsWith("1") && ++this.#interim > mostInterim)
      throw new Error(`the answer has more than ${mostInterim} interim responses`);
    this.#events.headers(headers);
    if (this.#blockEnds) this.#end();
  }

  #end(): void {
    this.#done = true;
    this.#events.end();
  }
}

function unpadded(flags: number, payload: Buffer): Buffer {
  if ((flags & padded) === 0) return payload;
  const end = payload.length - (payload[0] ?? 0);
  if (end < 1) throw new Error("the answer has a frame with too much padding");
  return payload.subarray(1, end);
}

function word(payload: Buffer, at: number): number {
  if (payload.length < at + 4) throw new Error("the answer has a frame that is too short");
  return payload.readUInt32BE(at);
}
