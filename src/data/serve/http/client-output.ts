import type { Output } from "../../../http/http1/output.ts";
import type { OwnedSocket } from "../../sockets/owner.ts";

/** A party that an output tells of the end. */
export interface OutputOwner {
  countSent(bytes: number): void;
  /** The last byte is written: the client's side is to be closed in order. */
  outputClosed(): void;
  /** The answer so far is to look cut short. */
  outputReset(): void;
}

/** Writes to a client. */
export class ClientOutput implements Output {
  readonly #client: OwnedSocket;
  readonly #keepsBytes: boolean;
  readonly #owner: OutputOwner;

  /**
   * @param keepsBytes true where a write may keep a reference to the bytes: see `clientKeepsBytes` of `relay.ts`. Getting
   * this wrong corrupts bytes.
   */
  constructor(client: OwnedSocket, keepsBytes: boolean, owner: OutputOwner) {
    this.#client = client;
    this.#keepsBytes = keepsBytes;
    this.#owner = owner;
  }

  text(text: string): void {
    this.#owner.countSent(text.length);
    this.#client.write(text, "latin1");
  }

  bytes(bytes: Buffer, start: number, end: number): boolean {
    this.#owner.countSent(end - start);
    const part = bytes.subarray(start, end);
    return this.#client.write(this.#keepsBytes || this.#client.writableLength > 0 ? Buffer.from(part) : part);
  }

  close(): void {
    this.#owner.outputClosed();
  }

  reset(): void {
    this.#owner.outputReset();
  }
}
