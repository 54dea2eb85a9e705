import type { Transform } from "node:stream";
import { constants, createBrotliCompress, createGzip, createZstdCompress } from "node:zlib";
import type { Coding } from "../../../../model/http/compression.ts";

/** The receiver of a compressor's work. */
export interface CompressorOwner {
  /** @returns false to get no more for now. */
  compressed(bytes: Buffer): boolean;
  /** It takes more. */
  compressorDrained(): void;
  /** All that was written has come out. */
  compressorEnded(): void;
  compressorFailed(error: Error): void;
}

/** A backend that pauses does not hold up what it has sent for longer than this, in milliseconds. */
const longestHold = 50;
/** Bytes that wait to be compressed. */
const waiting = 64 * 1024;
/** Compressors of a worker at a time, each with up to a MiB. Further answers go as they came. */
const mostOpen = 256;

/** The parameter has 32 bits. */
const largestHint = 2 ** 30;

let open = 0;

/** Whether there is room for one more. */
export const mayCompress = (): boolean => open < mostOpen;

/**
 * Window sizes bound the memory; levels are those with which text is about as small as it gets for little time. zstd and Brotli
 * make smaller tables for a body that is known to be small: with 16 KiB that is half of zstd's time.
 */
function streamOf(
  coding: Coding,
  length: number,
): Transform & { flush(kind?: number, callback?: () => void): void } {
  switch (coding) {
    case "gzip":
      return createGzip({ level: 5, writableHighWaterMark: waiting } as object);
    case "br":
      return createBrotliCompress({
        params: {
          [constants.BROTLI_PARAM_QUALITY]: 4,
          [constants.BROTLI_PARAM_LGWIN]: 19,
          [constants.BROTLI_PARAM_SIZE_HINT]: Math.min(Math.max(length, 0), largestHint),
        },
        writableHighWaterMark: waiting,
      } as object);
    case "zstd":
      return createZstdCompress({
        params: { [constants.ZSTD_c_compressionLevel]: 3, [constants.ZSTD_c_windowLog]: 19 },
        ...(length > 0 && { pledgedSrcSize: length }),
        writableHighWaterMark: waiting,
      } as object);
  }
}

const flushKinds: Readonly<Record<Coding, number>> = {
  gzip: constants.Z_SYNC_FLUSH,
  br: constants.BROTLI_OPERATION_FLUSH,
  zstd: constants.ZSTD_e_flush,
};

/** Compresses one body, in threads of their own: the worker's event loop has nothing of it but the bytes. */
export class Compressor {
  readonly #stream: ReturnType<typeof streamOf>;
  readonly #flushKind: number;
  #timer: NodeJS.Timeout | undefined = undefined;
  #isOpen = true;

  /** @param length of the body, which it will have; -1: nobody knows. */
  constructor(coding: Coding, length: number, owner: CompressorOwner) {
    this.#flushKind = flushKinds[coding];
    const stream = streamOf(coding, length);
    this.#stream = stream;
    open++;
    stream.on("data", (bytes: Buffer) => {
      if (this.#isOpen && !owner.compressed(bytes)) stream.pause();
    });
    stream.on("drain", () => this.#isOpen && owner.compressorDrained());
    stream.on("end", () => {
      if (this.#close()) owner.compressorEnded();
    });
    stream.on("error", (error) => {
      if (this.#close()) owner.compressorFailed(error);
    });
  }

  /** @returns false to get no more for now. */
  write(bytes: Buffer, start: number, end: number): boolean {
    this.#timer ??= setTimeout(() => this.#flush(), longestHold).unref();
    // A copy: the bytes are the sender's again.
    return this.#stream.write(Buffer.from(bytes.subarray(start, end)));
  }

  /** Nothing follows. */
  end(): void {
    this.#stopTimer();
    this.#stream.end();
  }

  /** The client takes more. */
  resume(): void {
    this.#stream.resume();
  }

  /** Nothing more comes out: what was written so far is not to look complete. */
  drop(): void {
    if (this.#close()) this.#stream.destroy();
  }

  #flush(): void {
    this.#timer = undefined;
    if (this.#isOpen) this.#stream.flush(this.#flushKind);
  }

  /** @returns whether it was open. */
  #close(): boolean {
    if (!this.#isOpen) return false;
    this.#isOpen = false;
    open--;
    this.#stopTimer();
    return true;
  }

  #stopTimer(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
