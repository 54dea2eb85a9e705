import type { ProxyHeader } from "../../lib/proxy-protocol/header.ts";
import { ProxyHeaderReader } from "../../lib/proxy-protocol/reader.ts";
import type { FirstReader } from "./first-bytes.ts";

/** Who is told whom a proxy in front speaks for. */
export interface ProxyHeaderListener {
  introduced(header: ProxyHeader): void;
  notIntroduced(detail: string): void;
}

/** Takes the PROXY protocol header off a connection: the byte behind it is the session's first. */
export class ProxyReader implements FirstReader {
  readonly #session: ProxyHeaderListener;
  readonly #reader: ProxyHeaderReader = new ProxyHeaderReader();
  #header: ProxyHeader | undefined;

  constructor(session: ProxyHeaderListener) {
    this.#session = session;
  }

  read(bytes: Buffer): number | undefined {
    const reading = this.#reader.read(bytes);
    if (reading.kind === "malformed") this.#session.notIntroduced(`the PROXY header ${reading.detail}`);
    if (reading.kind !== "header") return undefined;
    this.#header = reading.header;
    return reading.length;
  }

  done(): void {
    this.#session.introduced(this.#header!);
  }
}
