import type { Fields } from "../../../../http/message.ts";
import type { Coding } from "../../../../model/http/compression.ts";
import { Compressor, type CompressorOwner } from "./compressor.ts";
import type { ForwardOwner } from "./forward-owner.ts";

/** The code that forwards the answer that is compressed. */
export interface CompressingForward {
  /** More of the answer is wanted. */
  takesMore(): void;
  /** @param ended all of the answer is on its way to the client. */
  compressedMoved(ended: boolean): void;
}

/** The body of an answer on its way through a compressor. */
export class CompressedBody implements CompressorOwner {
  /** The backend's answer is complete; the client still has to get the rest of it. */
  isReceived = false;
  readonly #owner: ForwardOwner;
  readonly #forward: CompressingForward;
  readonly #compressor: Compressor;
  #trailers: Fields | undefined = undefined;

  /** @param length as in {@link Compressor}. */
  constructor(coding: Coding, length: number, owner: ForwardOwner, forward: CompressingForward) {
    this.#owner = owner;
    this.#forward = forward;
    this.#compressor = new Compressor(coding, length, this);
  }

  /** @returns false to get no more for now. */
  write(bytes: Buffer, start: number, end: number): boolean {
    return this.#compressor.write(bytes, start, end);
  }

  /** Nothing follows. @param trailers that the client gets. */
  end(trailers: Fields | undefined): void {
    this.isReceived = true;
    this.#trailers = trailers?.retain();
    this.#compressor.end();
  }

  /** The client takes more. */
  resume(): void {
    this.#compressor.resume();
  }

  drop(): void {
    this.#compressor.drop();
  }

  compressed(bytes: Buffer): boolean {
    this.#forward.compressedMoved(false);
    this.#owner.sent += bytes.length;
    return this.#owner.client.response.body(bytes, 0, bytes.length, false);
  }

  compressorDrained(): void {
    if (!this.isReceived) this.#forward.takesMore();
  }

  compressorEnded(): void {
    const { client } = this.#owner;
    this.#forward.compressedMoved(true);
    this.#owner.served();
    client.response.end(this.#trailers);
    client.over();
  }

  compressorFailed(error: Error): void {
    this.#owner.refuse("compression_failed", error.message);
  }
}
