import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { SocketAddress } from "../lib/address.ts";
import { listen } from "../lib/listen.ts";
import { http } from "../lib/node-modules.ts";
import { type AdminActions, actionPaths, findAction } from "./actions.ts";
import { dashboard } from "./dashboard.ts";
import { configPath, explainPath, refusal } from "./guard.ts";

/** What the admin server tells about, and what it can have done. */
export interface AdminState extends AdminActions {
  /** @returns the reason as one line, where it is not ready. */
  ready(): { readonly ready: true } | { readonly ready: false; readonly reason: string };
  /** @param accept the request's Accept header, or "". */
  metrics(accept: string): Promise<{ readonly contentType: string; readonly body: string }>;
  /** What becomes the JSON of `/status`. */
  status(): object | Promise<object>;
  /** What becomes the JSON of `/config`. */
  config(): Promise<object>;
  /** What `/explain` says of a connection that the query describes; the body becomes JSON. */
  explain(query: URLSearchParams): Promise<{ readonly status: number; readonly body: object }>;
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
 * Starts the admin HTTP server: a dashboard at `/`, `/livez`, `/readyz`, `/metrics`, `/status`, `/config`, `/explain`, and what
 * {@link AdminActions} has. A unix socket is for its owner alone.
 * @throws Error that names the address and says what to do, when it can't be had.
 */
export async function startAdmin(address: SocketAddress, state: AdminState): Promise<AdminServer> {
  const answering = new WeakSet<Socket>();
  const server = http().createServer(limits, (request, response) => {
    const { socket } = request;
    // Only who pipelines asks again before the answer is out, and hundreds of answers would fit into one packet's requests.
    if (answering.has(socket)) return void socket.destroy();
    answering.add(socket);
    response.once("close", () => answering.delete(socket));
    const refused = refusal(request, address);
    if (refused !== undefined) return sendWhileReading(response, 403, `${refused}\n`);
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
const htmlType = "text/html; charset=utf-8";
const jsonType = "application/json; charset=utf-8";

const paths: ReadonlyMap<string, Handler> = new Map<string, Handler>([
  [
    "/",
    (_, response) => {
      const { html, policy } = dashboard();
      response.setHeader("Content-Security-Policy", policy);
      send(response, 200, htmlType, html);
    },
  ],
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
  [configPath, async (_, response, state) => send(response, 200, jsonType, toJson(await state.config()))],
  [
    explainPath,
    async ({ url = "" }, response, state) => {
      const { status, body } = await state.explain(new URL(url, "http://admin").searchParams);
      send(response, status, jsonType, toJson(body));
    },
  ],
]);

async function answer(request: IncomingMessage, response: ServerResponse, state: AdminState): Promise<void> {
  const [path = "", query = ""] = request.url?.split("?", 2) ?? [];
  const handle = paths.get(path);
  const act = findAction(path, query);
  if (handle === undefined && act === undefined)
    return send(
      response,
      404,
      textType,
      `There is no ${path} here. There is:\n${[...paths.keys(), ...actionPaths.map((known) => `POST ${known}`)].join("\n")}\n`,
    );
  const methods = handle === undefined ? ["POST"] : ["GET", "HEAD"];
  if (!methods.includes(request.method ?? "")) {
    response.setHeader("Allow", methods.join(", "));
    return sendWhileReading(response, 405, `${path} only answers ${methods.join(" and ")}.\n`);
  }
  if (handle !== undefined) return handle(request, response, state);
  if (hasBody(request))
    return sendWhileReading(response, 400, "This takes no body; what it takes goes into the query.\n");
  const { status, body } = await act!(state);
  send(response, status, jsonType, toJson(body));
}

/** RFC 9112 section 6.3. */
function hasBody({ headers }: IncomingMessage): boolean {
  return headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;
}

/** What the client is still sending is not worth reading. */
function sendWhileReading(response: ServerResponse, status: number, text: string): void {
  response.setHeader("Connection", "close");
  send(response, status, textType, text);
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
