import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { createSecureContext, type SecureContextOptions, TLSSocket } from "node:tls";
import { formatAddress } from "../../src/lib/address.ts";
import { Peer, soon } from "./peer.ts";

export interface BackendOptions {
  /** Called with every connection. */
  readonly onPeer?: (peer: Peer) => void;
  /** False: a connection is read only when the test resumes its socket. */
  readonly reading?: boolean;
  readonly port?: number;
  /** The address that it listens on. */
  readonly host?: string;
  /** It speaks TLS; a connection counts once its handshake is over. */
  readonly tls?: SecureContextOptions & { readonly ALPNProtocols?: string[] };
}

/** A backend in a test's hands. */
export class Backend implements AsyncDisposable {
  readonly address: string;
  /** Every connection so far. */
  readonly peers: Peer[] = [];
  readonly #server: Server;
  /** Also those whose TLS handshake never ended. */
  readonly #sockets = new Set<Socket>();
  #taken = 0;
  #woken = Promise.withResolvers<void>();

  constructor(server: Server, { onPeer, reading = true, tls }: BackendOptions) {
    this.#server = server;
    const { address, port } = server.address() as AddressInfo;
    this.address = formatAddress({ kind: "tcp", host: address, port });
    const add = (peer: Peer): void => {
      if (!reading) peer.socket.pause();
      this.peers.push(peer);
      onPeer?.(peer);
      this.#woken.resolve();
      this.#woken = Promise.withResolvers();
    };
    // One for all, so that a ticket from one connection is good on the next.
    const secureContext = tls && createSecureContext(tls);
    server.on("connection", (raw) => {
      this.#sockets.add(raw);
      if (secureContext === undefined) return add(new Peer(raw));
      raw.on("error", () => {});
      const secure = new TLSSocket(raw, { ...tls, isServer: true, secureContext });
      secure.on("error", () => {});
      secure.once("secure", () => add(new Peer(secure, raw)));
    });
  }

  /** The next connection that was not asked for yet. */
  async next(): Promise<Peer> {
    const index = this.#taken++;
    const wait = async (): Promise<Peer> => {
      while (this.peers[index] === undefined) await this.#woken.promise;
      return this.peers[index];
    };
    return await soon(wait(), "a connection to the backend");
  }

  /** Closes and forgets every connection. */
  drop(): void {
    for (const peer of this.peers.splice(0)) peer[Symbol.dispose]();
    for (const socket of this.#sockets) socket.destroy();
    this.#sockets.clear();
    this.#taken = 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.drop();
    if (!this.#server.listening) return;
    this.#server.close();
    await once(this.#server, "close");
  }
}

export async function startBackend(options: BackendOptions = {}): Promise<Backend> {
  const server = createServer({ allowHalfOpen: true, noDelay: true });
  server.listen(options.port ?? 0, options.host ?? "127.0.0.1");
  await once(server, "listening");
  return new Backend(server, options);
}

/** A backend that sends back what it gets, and ends when its client does. */
export function startEchoBackend(): Promise<Backend> {
  return startBackend({ onPeer: ({ socket }) => socket.pipe(socket) });
}
