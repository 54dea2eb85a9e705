import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from "node:tls";
import type { TestCertificates } from "./certificates.ts";
import { type Ending, Peer, soon } from "./peer.ts";

/** The three kinds of connection that a session can begin with; also names of listeners. */
export const transports = ["plain", "tls12", "tls13"] as const;
export type Transport = (typeof transports)[number];

/** Tables of one listener for each transport. @param settings lines for each listener's table. */
export function listenersToml(pool: string, { ecdsa }: TestCertificates, settings = ""): string {
  return transports
    .map((name) => {
      const version = name === "tls12" ? "TLSv1.2" : "TLSv1.3";
      const tls = `[listeners.${name}.tls]
        min_version = "${version}"
        max_version = "${version}"
        certificates = [{ cert = "${ecdsa.cert}", key = "${ecdsa.key}" }]\n`;
      return `[listeners.${name}]
        bind = "127.0.0.1:0"
        pool = "${pool}"
        ${settings}
        ${name === "plain" ? "" : tls}`;
    })
    .join("\n");
}

/** Table of a pool of these backends. @param settings lines for the pool's own table. */
export function poolToml(name: string, addresses: readonly string[], settings = ""): string {
  return `\n[pools.${name}]
    ${settings}
    [pools.${name}.discovery]
    type = "static"
    backends = ${JSON.stringify(addresses)}
    `;
}

export async function connectSocket(port: number): Promise<Socket> {
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
  await soon(once(socket, "connect"), "a connection");
  socket.on("error", () => {});
  return socket;
}

export async function connectPlain(port: number): Promise<Peer> {
  return new Peer(await connectSocket(port));
}

/** Connects and completes the handshake. The certificate is not verified unless `options.ca` is there. */
export async function connectSecure(port: number, options: ConnectionOptions = {}): Promise<Peer> {
  const raw = await connectSocket(port);
  const tls: TLSSocket = connectTls({
    socket: raw,
    rejectUnauthorized: options.ca !== undefined,
    ...(raw.allowHalfOpen && { allowHalfOpen: true }),
    ...options,
  } as ConnectionOptions);
  await soon(once(tls, "secureConnect"), "a handshake");
  const peer = new Peer(tls, raw);
  // The client's last flight is written only after the event.
  await nextTurn();
  return peer;
}

/** How it ends for a client that is turned away: it may be so soon that it never sees itself connected. */
export async function turnedAway(connecting: Promise<Peer>): Promise<Ending> {
  try {
    using client = await connecting;
    return await client.ending();
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? "no code";
  }
}

/** Connects to a listener, with TLS where its name says so. */
export function connectTo(umay: { port(listener: string): number }, transport: Transport): Promise<Peer> {
  const port = umay.port(transport);
  return transport === "plain" ? connectPlain(port) : connectSecure(port);
}
