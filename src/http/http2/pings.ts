import type { FrameWriter } from "./frame-writer.ts";

interface Ping {
  readonly number: number;
  readonly sent: number;
  readonly answered: (() => void) | undefined;
}

/** "umay", so that a stray answer is seen to be none. */
const mark = 0x756d6179;
/** Of the frame that is being written. */
const payload = Buffer.alloc(8);

/** PING frames of this side (RFC 9113 section 6.7), which are answered in their order. */
export class Pings {
  readonly #writer: FrameWriter;
  readonly #open: Ping[] = [];
  #count = 0;

  constructor(writer: FrameWriter) {
    this.#writer = writer;
  }

  /** When the oldest one that is not answered was sent; undefined: there is none. */
  get waitingSince(): number | undefined {
    return this.#open[0]?.sent;
  }

  /** @param now in milliseconds. @param answered called with the answer. */
  send(now: number, answered?: () => void): void {
    const number = this.#count++ % 2 ** 32;
    payload.writeUInt32BE(mark, 0);
    payload.writeUInt32BE(number, 4);
    this.#writer.ping(0, payload, 0);
    this.#open.push({ number, sent: now, answered });
  }

  /** @returns whether the answer is that to the oldest one. */
  takeAnswer(bytes: Buffer, start: number): boolean {
    const oldest = this.#open[0];
    const fits = bytes.readUInt32BE(start) === mark && bytes.readUInt32BE(start + 4) === oldest?.number;
    if (!fits) return false;
    this.#open.shift();
    oldest.answered?.();
    return true;
  }
}
