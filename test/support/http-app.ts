import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createHttp2Server, type ServerHttp2Session } from "node:http2";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";

/** The bytes that `/bytes/N` and `/stream/N` answer with: letters. */
export function contentOf(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at < length; at++) bytes[at] = 97 + ((at * 31 + (at >> 8)) % 26);
  return bytes;
}

const zipped = gzipSync(contentOf(100_000));

type HttpApp = { readonly address: string } & AsyncDisposable;

/** An application that is asked for bytes, and says what it was sent. */
export async function startHttpApp(): Promise<HttpApp> {
  const server = createServer({ keepAliveTimeout: 60_000 }, answer);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

/** The same in HTTP/2, by prior knowledge. */
export async function startHttp2App(): Promise<HttpApp> {
  const server = createHttp2Server((request, response) =>
    // Node has both speak alike.
    answer(request as unknown as IncomingMessage, response as unknown as ServerResponse),
  );
  const sessions = new Set<ServerHttp2Session>();
  server.on("session", (session) => {
    sessions.add(session);
    session.once("close", () => sessions.delete(session));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      for (const session of sessions) session.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

function answer(request: IncomingMessage, response: ServerResponse): void {
  const [, kind, size] = request.url!.split("/");
  const length = Number(size ?? 0);
  switch (kind) {
    case "bytes":
      response.writeHead(200, { "content-length": length }).end(contentOf(length));
      break;
    case "stream":
      writeSlowly(response, contentOf(length));
      break;
    case "gzip":
      response.writeHead(200, { "content-encoding": "gzip" }).end(zipped);
      break;
    default:
      void digest(request, response);
  }
}

/** In pieces, without a length. */
function writeSlowly(response: ServerResponse, bytes: Buffer): void {
  const piece = 50_000;
  let at = 0;
  const more = (): void => {
    while (at < bytes.length) {
      const goesOn = response.write(bytes.subarray(at, at + piece));
      at += piece;
      if (!goesOn) {
        response.once("drain", more);
        return;
      }
    }
    response.end();
  };
  more();
}

async function digest(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const hash = createHash("sha256");
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    hash.update(chunk);
    length += chunk.length;
  }
  response.end(`${request.method} ${length} ${hash.digest("hex")}`);
}
