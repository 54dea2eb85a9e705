import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { webSocketAccept } from "../http/websocket.ts";
import { parseAddress } from "../lib/address.ts";
import { listen } from "../lib/listen.ts";
import { http } from "../lib/node-modules.ts";
import type { EchoServer } from "./echo-server.ts";

/**
 * Starts a server that answers requests with what it got, as JSON, and WebSockets with what they send.
 * @throws as {@link startEcho} does.
 */
export async function startHttpEcho(options: {
  readonly bind: string;
  readonly name: string;
}): Promise<EchoServer> {
  const bind = parseAddress(options.bind);
  if (typeof bind === "string") throw new Error(`${options.bind} ${bind}`);
  const sockets = new Set<Duplex>();
  const server = http().createServer((message, response) => tell(options.name, message, response));
  server.on("upgrade", (message, socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    // 'close' follows every error and is enough.
    socket.on("error", () => {});
    echoFrames(message, socket);
  });
  const address = await listen(server, bind);
  server.on("error", () => {});
  return {
    address,
    get connections() {
      return sockets.size;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      server.closeAllConnections();
      const { promise, resolve } = Promise.withResolvers<void>();
      server.close(() => resolve());
      await promise;
    },
  };
}

function tell(name: string, message: IncomingMessage, response: ServerResponse): void {
  let bytes = 0;
  message.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
  });
  message.on("end", () => {
    const { method, url, headers } = message;
    response.setHeader("content-type", "application/json");
    response.end(`${JSON.stringify({ backend: name, method, url, headers, bytes }, undefined, 2)}\n`);
  });
}

const maskBit = 0x80;
const maskBytes = 4;
const opcodeOfClose = 8;

/** Sends back frames of up to 125 bytes (RFC 6455 section 5.2), which is enough to try it; a longer one ends the connection. */
function echoFrames({ headers }: IncomingMessage, socket: Duplex): void {
  const accept = webSocketAccept(headers["sec-websocket-key"] ?? "");
  const lines = ["HTTP/1.1 101 Switching Protocols", "connection: upgrade", "upgrade: websocket"];
  socket.write(`${lines.join("\r\n")}\r\nsec-websocket-accept: ${accept}\r\n\r\n`);
  let held = Buffer.alloc(0);
  socket.on("data", (chunk: Buffer) => {
    held = Buffer.concat([held, chunk]);
    while (held.length >= 2) {
      const length = held[1]! & ~maskBit;
      if (length > 125) return void socket.destroy();
      const start = 2 + (held[1]! & maskBit ? maskBytes : 0);
      if (held.length < start + length) return;
      const content = Buffer.from(held.subarray(start, start + length));
      if (start > 2)
        for (const [at, byte] of content.entries()) content[at] = byte ^ held[2 + (at % maskBytes)]!;
      socket.write(Buffer.concat([Buffer.from([held[0]!, length]), content]));
      // The server is the first to close the connection (RFC 6455 section 7.1.1).
      if ((held[0]! & 0x0f) === opcodeOfClose) return void socket.end();
      held = held.subarray(start + length);
    }
  });
  socket.on("end", () => socket.end());
}
