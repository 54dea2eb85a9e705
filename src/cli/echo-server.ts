import { createServer, type Server, type Socket } from "node:net";
import { Transform } from "node:stream";
import { formatAddress, parseAddress, type SocketAddress } from "../lib/address.ts";
import { listen } from "../lib/listen.ts";

/** A running echo server. */
export interface EchoServer {
  /** The address that it listens on, with the real port. */
  readonly address: SocketAddress;
  /** Open connections now. */
  readonly connections: number;
  /** Stops listening, gives open connections up to `graceMs` milliseconds to end, then cuts them. */
  close(graceMs?: number): Promise<void>;
}

/**
 * Starts a server that sends back the bytes that it gets. With a name, each line comes back as `name: line`. A connection
 * ends when its client ends it.
 * @throws Error when `bind` is no address, or with the system's code (EADDRINUSE, EACCES, …) when it can't listen there.
 */
export async function startEcho(options: {
  readonly bind: string;
  readonly name?: string | undefined;
}): Promise<EchoServer> {
  const bind = parseAddress(options.bind);
  if (typeof bind === "string") throw new Error(`${options.bind} ${bind}`);
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    // 'close' follows every error and is enough.
    socket.on("error", () => {});
    if (options.name === undefined) socket.pipe(socket);
    else socket.pipe(prefixLines(`${options.name}: `)).pipe(socket);
  });
  const address = await listen(server, bind);
  // A later error is about one connection that was never made; the server goes on.
  server.on("error", () => {});
  return {
    address,
    get connections() {
      return sockets.size;
    },
    close: (graceMs = 0) => close(server, sockets, graceMs),
  };
}

async function close(server: Server, sockets: ReadonlySet<Socket>, graceMs: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  server.close(() => resolve());
  const timer = setTimeout(() => {
    for (const socket of sockets) socket.destroy();
  }, graceMs);
  await promise;
  clearTimeout(timer);
}

const newline = 0x0a;

/** Puts `prefix` before the first byte of every line, as soon as that byte is there; all other bytes pass unchanged. */
export function prefixLines(prefix: string): Transform {
  const mark = Buffer.from(prefix);
  let atLineStart = true;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const parts: Buffer[] = [];
      for (let start = 0; start < chunk.length; ) {
        const end = chunk.indexOf(newline, start) + 1 || chunk.length;
        if (atLineStart) parts.push(mark);
        parts.push(chunk.subarray(start, end));
        atLineStart = chunk[end - 1] === newline;
        start = end;
      }
      done(null, Buffer.concat(parts));
    },
  });
}

/** `echo-1 listens on 127.0.0.1:1994`, or without a name `echo listens on …`. */
export function describeEcho(name: string | undefined, server: EchoServer): string {
  return `${name ?? "echo"} listens on ${formatAddress(server.address)}`;
}
