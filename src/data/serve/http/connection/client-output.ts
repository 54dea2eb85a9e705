import type { Output } from "../../../../http/http1/output.ts";
import type { OwnedSocket } from "../../../sockets/owner.ts";
import { writeLent } from "../../../sockets/writes.ts";

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
  readonly #owner: OutputOwner;

  constructor(client: OwnedSocket, owner: OutputOwner) {
    this.#client = client;
    this.#owner = owner;
  }

  text(text: string): void {
    this.#owner.countSent(text.length);
    this.#client.write(text, "latin1");
  }

  bytes(bytes: Buffer, start: number, end: number): boolean {
    this.#owner.countSent(end - start);
    return writeLent(this.#client, bytes, start, end);
  }

  close(): void {
    this.#owner.outputClosed();
  }

  reset(): void {
    this.#owner.outputReset();
  }
}
