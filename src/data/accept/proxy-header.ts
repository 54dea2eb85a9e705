import type { ProxyHeader } from "../../lib/proxy-protocol/header.ts";
import { ProxyHeaderReader } from "../../lib/proxy-protocol/reader.ts";
import type { FirstReader } from "./first-bytes.ts";

/** Is told for whom a proxy in front speaks. */
export interface ProxyHeaderListener {
  introduced(header: ProxyHeader): void;
  notIntroduced(detail: string): void;
}

/** Takes the PROXY protocol header off a connection: the byte behind it is the connection's first. */
export class ProxyReader implements FirstReader {
  readonly #connection: ProxyHeaderListener;
  readonly #reader: ProxyHeaderReader = new ProxyHeaderReader();
  #header: ProxyHeader | undefined;

  constructor(connection: ProxyHeaderListener) {
    this.#connection = connection;
  }

  read(bytes: Buffer): number | undefined {
    const reading = this.#reader.read(bytes);
    if (reading.kind === "malformed") this.#connection.notIntroduced(`the PROXY header ${reading.detail}`);
    if (reading.kind !== "header") return undefined;
    this.#header = reading.header;
    return reading.length;
  }

  done(): void {
    this.#connection.introduced(this.#header!);
  }
}
