import { createHash } from "node:crypto";
import type { IncomingMessage, Server } from "node:http";
import type { Duplex } from "node:stream";

/** RFC 6455 section 5.5.1: behind it, the server closes the connection. */
const closing = 0x8;

/** Has a server agree to each WebSocket, and send back every byte that comes over it but the masks of its frames. */
export function echoWebSockets(server: Server): void {
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on("error", () => {});
    socket.write(
      "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n" +
        `sec-websocket-accept: ${acceptOf(request.headers["sec-websocket-key"]!)}\r\n\r\n`,
    );
    let waiting = head;
    const answer = (chunk: Buffer): void => {
      waiting = Buffer.concat([waiting, chunk]);
      for (let frame = takeFrame(waiting); frame !== undefined; frame = takeFrame(waiting)) {
        waiting = frame.rest;
        socket.write(frame.unmasked);
        if ((frame.unmasked[0]! & 0x0f) === closing) socket.end();
      }
    };
    answer(Buffer.alloc(0));
    socket.on("data", answer);
    socket.on("end", () => socket.end());
  });
}

/** RFC 6455 section 4.2.2. */
export function acceptOf(key: string): string {
  return createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
}

/** RFC 6455 section 5.2. @returns the first frame as a server sends it; undefined: it is not whole. */
function takeFrame(bytes: Buffer): { readonly unmasked: Buffer; readonly rest: Buffer } | undefined {
  if (bytes.length < 6) return undefined;
  const short = bytes[1]! & 0x7f;
  const sizeBytes = short === 126 ? 2 : short === 127 ? 8 : 0;
  const start = 2 + sizeBytes + 4;
  if (bytes.length < start) return undefined;
  const size = sizeBytes === 0 ? short : sizeBytes === 2 ? bytes.readUInt16BE(2) : bytes.readUInt32BE(6);
  if (bytes.length < start + size) return undefined;
  const mask = bytes.subarray(start - 4, start);
  const payload = bytes.subarray(start, start + size).map((byte, index) => byte ^ mask[index % 4]!);
  const head = Buffer.from(bytes.subarray(0, start - 4));
  head[1] = short;
  return { unmasked: Buffer.concat([head, payload]), rest: bytes.subarray(start + size) };
}
