import { FrameReader } from "../../../src/http/http2/frame-reader.ts";
import { Decoder } from "../../../src/http/http2/hpack/decoder.ts";
import { codeName, frameType, preface } from "../../../src/http/http2/protocol.ts";

/** Frames as anybody may write them, right or wrong. */
export function frame(
  type: number,
  flags: number,
  stream: number,
  payload: Buffer = Buffer.alloc(0),
): Buffer {
  const head = Buffer.from([0, 0, 0, type, flags, 0, 0, 0, 0]);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

export const hex = (text: string): Buffer => Buffer.from(text.replaceAll(" ", ""), "hex");

function text(value: string): Buffer {
  const bytes = Buffer.from(value, "latin1");
  if (bytes.length < 127) return Buffer.concat([Buffer.from([bytes.length]), bytes]);
  const rest = bytes.length - 127;
  return Buffer.concat([
    Buffer.from([127, 0x80 | (rest & 127), 0x80 | ((rest >> 7) & 127), rest >> 14]),
    bytes,
  ]);
}

export type Pairs = readonly (readonly [name: string, value: string])[];

/** A header block of literals that no table has. */
export const block = (pairs: Pairs): Buffer =>
  Buffer.concat(pairs.map(([name, value]) => Buffer.concat([Buffer.from([0]), text(name), text(value)])));

export const get: Pairs = [
  [":method", "GET"],
  [":scheme", "http"],
  [":path", "/"],
  [":authority", "a.test"],
];
export const post: Pairs = [[":method", "POST"], ...get.slice(1)];

export const settings = (...pairs: readonly (readonly [id: number, value: number])[]): Buffer => {
  const payload = Buffer.alloc(pairs.length * 6);
  for (const [index, [id, value]] of pairs.entries()) {
    payload.writeUInt16BE(id, index * 6);
    payload.writeUInt32BE(value, index * 6 + 2);
  }
  return frame(frameType.settings, 0, 0, payload);
};

export const word = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};

export const headers = (stream: number, pairs: Pairs, flags = 0x5): Buffer =>
  frame(1, flags, stream, block(pairs));
export const data = (stream: number, content: string | Buffer, flags = 0x1): Buffer =>
  frame(0, flags, stream, Buffer.from(content));
export const reset = (stream: number, code = 8): Buffer => frame(3, 0, stream, word(code));
export const windowUpdate = (stream: number, credit: number): Buffer => frame(8, 0, stream, word(credit));
export const ping = (flags = 0, payload = Buffer.alloc(8)): Buffer => frame(6, flags, 0, payload);

/** The first bytes of a client, before its first request. */
export const hello: Buffer = Buffer.concat([preface, settings(), frame(4, 1, 0)]);

const typeNames = Object.fromEntries(Object.entries(frameType).map(([name, type]) => [type, name]));

/** Takes the frames apart that one side sends on a connection, and says what they are, one line each. */
export class Listener {
  readonly lines: string[] = [];
  /** Data of each stream. */
  readonly bodies = new Map<number, Buffer>();
  readonly #decoder = new Decoder();
  #line = "";
  #stream = 0;
  readonly #reader = new FrameReader({
    frame: (type, flags, stream, bytes, start, end) =>
      this.lines.push(this.#describe(type, flags, stream, bytes.subarray(start, end))),
    dataBegins: (stream, flags, length) => {
      this.#stream = stream;
      this.#line = `data ${stream} ${length}${(flags & 1) !== 0 ? " end" : ""}`;
    },
    data: (bytes, start, end) => {
      const before = this.bodies.get(this.#stream) ?? Buffer.alloc(0);
      this.bodies.set(this.#stream, Buffer.concat([before, bytes.subarray(start, end)]));
    },
    dataEnds: () => this.lines.push(this.#line),
  });

  /** @returns the lines of what was heard now. */
  hear(bytes: Buffer): string[] {
    const before = this.lines.length;
    this.#reader.read(bytes, 0, bytes.length);
    return this.lines.slice(before);
  }

  #describe(type: number, flags: number, stream: number, payload: Buffer): string {
    const name = typeNames[type] ?? `type ${type}`;
    const ack = (flags & 1) !== 0 ? " ack" : "";
    switch (type) {
      case frameType.headers: {
        const fields: string[] = [];
        this.#decoder.decode(payload, 0, payload.length, {
          add: (field) => fields.push(`${field.name}=${field.value}`),
        });
        return `headers ${stream} ${fields.join(" ")}${(flags & 1) !== 0 ? " end" : ""}`;
      }
      case frameType.reset:
        return `reset ${stream} ${codeName(payload.readUInt32BE(0))}`;
      case frameType.goAway:
        return `goAway ${payload.readUInt32BE(0)} ${codeName(payload.readUInt32BE(4))}`;
      case frameType.windowUpdate:
        return `windowUpdate ${stream} ${payload.readUInt32BE(0)}`;
      case frameType.settings:
      case frameType.ping:
        return `${name}${ack}`;
      default:
        return `${name} ${stream}`;
    }
  }
}
