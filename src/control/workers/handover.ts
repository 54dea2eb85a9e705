import { createServer, type Server, type Socket } from "node:net";
import { formatAddress, type SocketAddress } from "../../lib/address.ts";
import { inheritedSockets } from "../../lib/inherited-sockets.ts";
import { type ListenOptions, listen } from "../../lib/listen.ts";
import type { PlacedListener } from "../../model/snapshot.ts";

/** The part of a listener that is used here. */
type Handed = Pick<PlacedListener, "name" | "accept" | "addresses">;

/**
 * Accepts on the main thread for listeners whose connections the kernel can't spread over the workers: TCP where
 * SO_REUSEPORT does not balance, and sockets that the process was started with. The data plane sets each socket's options when it takes it over.
 */
export class Handover {
  readonly #handOver: (address: string, socket: Socket) => void;
  /** By address, as text. */
  readonly #servers = new Map<string, Server>();

  /** @param handOver gets the address that a connection came to. */
  constructor(handOver: (address: string, socket: Socket) => void) {
    this.#handOver = handOver;
  }

  /**
   * These are the listeners from now on; addresses that stay are accepted on without a break.
   * @throws an error that names listener and address.
   */
  async follow(listeners: readonly Handed[]): Promise<void> {
    const places = listeners
      .filter(({ accept }) => accept === "handed-over")
      .flatMap(({ name, addresses }) => addresses.map((address) => ({ name, address })));
    const wanted = new Set(places.map(({ address }) => formatAddress(address)));
    for (const [text, server] of this.#servers)
      if (!wanted.has(text)) {
        server.close();
        this.#servers.delete(text);
      }
    for (const { name, address } of places)
      if (!this.#servers.has(formatAddress(address))) await this.#open(name, address);
  }

  close(): void {
    for (const server of this.#servers.values()) server.close();
  }

  async #open(name: string, address: SocketAddress): Promise<void> {
    const text = formatAddress(address);
    const server = createServer({ pauseOnConnect: true, allowHalfOpen: true, noDelay: true }, (socket) =>
      this.#handOver(text, socket),
    );
    this.#servers.set(text, server);
    await listen(server, address, this.#options(name)).catch((cause: Error) => {
      this.#servers.delete(text);
      throw new Error(`listener ${name} ${cause.message}`, { cause });
    });
  }
  #options(name: string): ListenOptions {
    const descriptor = inheritedSockets.take(name);
    return descriptor === undefined ? {} : { descriptor };
  }
}
