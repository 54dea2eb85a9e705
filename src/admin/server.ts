import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { SocketAddress } from "../lib/address.ts";
import { listen } from "../lib/listen.ts";
import { longJson } from "../lib/long-json.ts";
import { http } from "../lib/node-modules.ts";
import { leavePath } from "../lib/socket-place.ts";
import type { AdminRights } from "../model/model.ts";
import { type AdminActions, actionPaths, findAction } from "./actions.ts";
import { dashboard } from "./dashboard.ts";
import { type Ask, type EnvoyPaths, plainText } from "./envoy.ts";
import { configPath, explainPath, isFromHere, refusal, sessionsPath } from "./guard.ts";
import { type Answer, htmlType, idleTimeout, jsonType, send, textType } from "./send.ts";
import { Visitors } from "./visitors.ts";

/** The information that the admin server gives, and the actions that it can ask for. */
export interface AdminState extends AdminActions {
  /** @returns the reason in one line when umay is not ready. */
  ready(): { readonly ready: true } | { readonly ready: false; readonly reason: string };
  /** @param accept the request's Accept header, or "". */
  metrics(accept: string): Promise<Omit<Answer, "status">>;
  /** The content of `/status`, which becomes JSON: plain data, with members that are made when they are sent. */
  status(): object | Promise<object>;
  /** The content of `/history`, which becomes JSON. */
  history(): object;
  /** The content of `/config`, which becomes JSON. */
  config(): Promise<object>;
  /** The answer of `/explain` about the connection that the query describes. The body becomes JSON. */
  explain(query: URLSearchParams): Promise<{ readonly status: number; readonly body: object }>;
  /** The answer of `/sessions` about those that the query describes. The body becomes JSON. */
  sessions(query: URLSearchParams): Promise<{ readonly status: number; readonly body: object }>;
  /** Paths that Envoy's users know; undefined: nothing of Envoy's is served. */
  readonly envoy?: EnvoyPaths | undefined;
  /** Called when serving failed: an answer, or accepting a connection. */
  failed(error: Error): void;
}

export interface AdminServer {
  /** The address that it listens on, with the real port. */
  readonly address: SocketAddress;
  /** Idle connections end at once. An answer that is being sent has one second to get through. */
  close(): Promise<void>;
}

/** Clients may be slow, many or hostile, so the cost of each is bounded. */
const limits = {
  headersTimeout: 5_000,
  requestTimeout: 10_000,
  connectionsCheckingInterval: 1_000,
  maxHeaderSize: 8 * 1024,
};
const mostConnections = 64;
/** Further connections that only clients on this machine may have. */
const mostLocalConnections = 16;
/** How long an answer may take to make, in milliseconds: a reload waits up to 10 s for the workers. */
const answerTimeout = 60_000;
const closeTimeout = 1_000;
const socketMode = 0o600;

/**
 * Starts the admin HTTP server: a dashboard at `/`, `/livez`, `/readyz`, `/metrics`, `/status`, `/config`, `/explain`,
 * `/sessions` and the {@link AdminActions}. A unix socket is for its owner alone.
 * @param remote the rights of clients that are no programs of umay's own user or of root.
 * @param replace whether it takes its path from the umay that has it.
 * @throws Error that names the address and says what to do, when umay can't listen there.
 */
export async function startAdmin(
  address: SocketAddress,
  state: AdminState,
  remote: AdminRights = "look",
  replace = false,
): Promise<AdminServer> {
  const answering = new WeakSet<Socket>();
  const visitors = new Visitors(mostConnections, mostLocalConnections, isFromHere);
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const refused = await refusal(request, address, remote);
    if (refused === undefined) await answer(request, response, state);
    else await sendWhileReading(request, response, 403, `${refused}\n`);
  };
  const server = http().createServer(limits, (request, response) => {
    const { socket } = request;
    // Only a client that pipelines asks again before the answer is out. One packet could ask for hundreds of answers.
    if (answering.has(socket)) return void socket.destroy();
    answering.add(socket);
    visitors.asked(socket);
    socket.setTimeout(answerTimeout);
    response.once("close", () => {
      answering.delete(socket);
      visitors.answered(socket);
    });
    serve(request, response).catch((error: Error) => {
      state.failed(error);
      if (response.headersSent) response.destroy();
      else void send(request, response, plainText(`${error.message}\n`, 500));
    });
  });
  server.on("connection", (socket) => visitors.arrived(socket));
  server.setTimeout(idleTimeout);
  const bound = await listen(server, address, { mode: socketMode, replace }).catch((cause: Error) => {
    throw new Error(`admin ${cause.message}`, { cause });
  });
  server.on("error", (error) => state.failed(error));
  return {
    address: bound,
    async close() {
      await leavePath(server);
      const closed = new Promise((resolve) => server.close(resolve));
      const timer = setTimeout(() => server.closeAllConnections(), closeTimeout);
      await closed;
      clearTimeout(timer);
    },
  };
}

/** Makes an answer; it may set further header fields. */
type Handler = (
  request: IncomingMessage,
  response: ServerResponse,
  state: AdminState,
) => Answer | Promise<Answer>;

const queryOf = ({ url = "" }: IncomingMessage): URLSearchParams => new URL(url, "http://admin").searchParams;

const paths: ReadonlyMap<string, Handler> = new Map<string, Handler>([
  [
    "/",
    (_, response) => {
      const { html, policy } = dashboard();
      response.setHeader("Content-Security-Policy", policy);
      return { status: 200, contentType: htmlType, body: html };
    },
  ],
  ["/livez", () => plainText("ok\n")],
  [
    "/readyz",
    ({ headers }, _, state) => {
      const readiness = state.ready();
      const status = readiness.ready ? 200 : 503;
      if (headers.accept?.includes("application/json")) return json(readiness, status);
      return plainText(readiness.ready ? "ready\n" : `${readiness.reason}\n`, status);
    },
  ],
  [
    "/metrics",
    async ({ headers }, _, state) => ({ status: 200, ...(await state.metrics(headers.accept ?? "")) }),
  ],
  ["/status", async (_, _response, state) => json(await state.status())],
  ["/history", (_, _response, state) => json(state.history())],
  [configPath, async (_, _response, state) => json(await state.config())],
  [
    explainPath,
    async (request, _, state) => {
      const { status, body } = await state.explain(queryOf(request));
      return json(body, status);
    },
  ],
  [
    sessionsPath,
    async (request, _, state) => {
      const { status, body } = await state.sessions(queryOf(request));
      return json(body, status);
    },
  ],
]);

async function answer(request: IncomingMessage, response: ServerResponse, state: AdminState): Promise<void> {
  const [path = "", query = ""] = request.url?.split("?", 2) ?? [];
  const handle = paths.get(path) ?? handlerOf(state.envoy?.looks.get(path), query);
  const act = findAction(path, query);
  const change = handlerOf(state.envoy?.changes.get(path), query);
  if (handle === undefined && act === undefined && change === undefined) {
    const known = knownPaths(state).join("\n");
    return send(request, response, plainText(`There is no ${path} here. There is:\n${known}\n`, 404));
  }
  const methods = handle === undefined ? ["POST"] : ["GET", "HEAD"];
  if (!methods.includes(request.method ?? "")) {
    response.setHeader("Allow", methods.join(", "));
    return sendWhileReading(request, response, 405, `${path} only answers ${methods.join(" and ")}.\n`);
  }
  if (handle !== undefined) return send(request, response, await handle(request, response, state));
  if (hasBody(request))
    return sendWhileReading(
      request,
      response,
      400,
      "This takes no body; what it takes goes into the query.\n",
    );
  if (change !== undefined) return send(request, response, await change(request, response, state));
  const { status, body } = await act!(state);
  return send(request, response, json(body, status));
}

const knownPaths = ({ envoy }: AdminState): readonly string[] => [
  ...paths.keys(),
  ...(envoy?.looks.keys() ?? []),
  ...[...actionPaths, ...(envoy?.changes.keys() ?? [])].map((known) => `POST ${known}`),
];

const handlerOf = (ask: Ask | undefined, query: string): Handler | undefined =>
  ask && (() => ask(new URLSearchParams(query)));

/** RFC 9112 section 6.3. */
function hasBody({ headers }: IncomingMessage): boolean {
  return headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;
}

/** The rest of the request is not read. */
function sendWhileReading(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  body: string,
): Promise<void> {
  response.setHeader("Connection", "close");
  return send(request, response, { status, contentType: textType, body });
}

/** The answer that some data becomes. */
const json = (body: object, status = 200): Answer => ({
  status,
  contentType: jsonType,
  body: longJson(body, 2),
});
