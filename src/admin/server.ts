import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { SocketAddress } from "../lib/address.ts";
import { listen } from "../lib/listen.ts";

/** What the admin server tells about. */
export interface AdminState {
  /** @returns the reason as one line, where it is not ready. */
  ready(): { readonly ready: true } | { readonly ready: false; readonly reason: string };
  /** @param accept the request's Accept header, or "". */
  metrics(accept: string): Promise<{ readonly contentType: string; readonly body: string }>;
  /** What becomes the JSON of `/status`. */
  status(): object | Promise<object>;
  /** Told of what went wrong while serving: an answer that failed, a connection that could not be accepted. */
  failed(error: Error): void;
}

export interface AdminServer {
  /** Where it listens; the port is known. */
  readonly address: SocketAddress;
  /** Idle connections end at once; an answer that is being sent has a second to get through. */
  close(): Promise<void>;
}

/** Its clients may be slow, many or hostile: each may only cost so much. */
const limits = {
  headersTimeout: 5_000,
  requestTimeout: 10_000,
  connectionsCheckingInterval: 1_000,
  maxHeaderSize: 8 * 1024,
};
const mostConnections = 64;
/** A client that reads or sends nothing for so long, or twice that with an answer under way, is cut off; in milliseconds. */
const idleTimeout = 10_000;
const closeTimeout = 1_000;
const socketMode = 0o600;

/**
 * Starts the admin HTTP server: `/livez`, `/readyz`, `/metrics`, `/status`. A unix socket is for its owner alone.
 * @throws Error that names the address and says what to do, when it can't be had.
 */
export async function startAdmin(address: SocketAddress, state: AdminState): Promise<AdminServer> {
  const answering = new WeakSet<Socket>();
  const server = createServer(limits, (request, response) => {
    const { socket } = request;
    // Only who pipelines asks again before the answer is out, and hundreds of answers would fit into one packet's requests.
    if (answering.has(socket)) return void socket.destroy();
    answering.add(socket);
    response.once("close", () => answering.delete(socket));
    answer(request, response, state).catch((error: Error) => {
      state.failed(error);
      if (response.headersSent) response.destroy();
      else send(response, 500, textType, `${error.message}\n`);
    });
  });
  server.maxConnections = mostConnections;
  server.setTimeout(idleTimeout);
  const bound = await listen(server, address, { mode: socketMode }).catch((cause: Error) => {
    throw new Error(`admin ${cause.message}`, { cause });
  });
  server.on("error", (error) => state.failed(error));
  return {
    address: bound,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      const timer = setTimeout(() => server.closeAllConnections(), closeTimeout);
      await closed;
      clearTimeout(timer);
    },
  };
}

type Handler = (
  request: IncomingMessage,
  response: ServerResponse,
  state: AdminState,
) => void | Promise<void>;

const textType = "text/plain; charset=utf-8";
const jsonType = "application/json; charset=utf-8";

const paths: ReadonlyMap<string, Handler> = new Map<string, Handler>([
  ["/livez", (_, response) => send(response, 200, textType, "ok\n")],
  [
    "/readyz",
    ({ headers }, response, state) => {
      const readiness = state.ready();
      const status = readiness.ready ? 200 : 503;
      if (headers.accept?.includes("application/json")) send(response, status, jsonType, toJson(readiness));
      else send(response, status, textType, readiness.ready ? "ready\n" : `${readiness.reason}\n`);
    },
  ],
  [
    "/metrics",
    async ({ headers }, response, state) => {
      const { contentType, body } = await state.metrics(headers.accept ?? "");
      send(response, 200, contentType, body);
    },
  ],
  ["/status", async (_, response, state) => send(response, 200, jsonType, toJson(await state.status()))],
]);

async function answer(request: IncomingMessage, response: ServerResponse, state: AdminState): Promise<void> {
  const path = request.url?.split("?", 1)[0] ?? "";
  const handle = paths.get(path);
  if (handle === undefined)
    return send(
      response,
      404,
      textType,
      `There is no ${path} here. There is:\n${[...paths.keys()].join("\n")}\n`,
    );
  if (request.method !== "GET" && request.method !== "HEAD") {
    response.setHeader("Allow", "GET, HEAD");
    // What the client is still sending is not worth reading.
    response.setHeader("Connection", "close");
    return send(response, 405, textType, `${path} only answers GET and HEAD.\n`);
  }
  await handle(request, response, state);
}

function send(response: ServerResponse, status: number, contentType: string, body: string): void {
  response.writeHead(status, {
    "Content-Type": contentType,
    "Content-Length": Buffer.byteLength(body),
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
  });
  response.end(body);
}

const toJson = (value: object): string => `${JSON.stringify(value, undefined, 2)}\n`;
