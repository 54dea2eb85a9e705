import type { ClientRequest, Agent as HttpAgent, IncomingMessage, RequestOptions } from "node:http";
import type { RequestOptions as HttpsOptions } from "node:https";
import { http, https } from "../../../lib/node-modules.ts";
import type { ClusterAccess } from "./access.ts";
import type { Credential } from "./exec-plugin.ts";
import { Lines } from "./lines.ts";

/** Of one answer, and of one line of a watch, in bytes. */
const mostOfAnswer = 64 * 1024 * 1024;
const mostOfLine = 16 * 1024 * 1024;
/** Of an answer that says why it is none. */
const mostOfRefusal = 64 * 1024;
/** From the request to the last byte of its answer, in milliseconds. */
const answerTimeout = 30_000;

export interface ApiRequest {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** With its query, below the server's URL. */
  readonly path: string;
  /** Becomes JSON. */
  readonly body?: unknown;
  readonly signal: AbortSignal;
}

/** A request that was not answered, or with a refusal. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  /** Of HTTP; 0 where there was no answer. */
  readonly status: number;
  /** How long the server asks to wait, in milliseconds; 0: it does not. */
  readonly retryAfter: number;

  constructor(status: number, message: string, retryAfter = 0, cause?: unknown) {
    super(message, { cause });
    this.status = status;
    this.retryAfter = retryAfter;
  }
}

/** A watch of a collection. */
export interface WatchRequest {
  readonly path: string;
  readonly signal: AbortSignal;
  /** How long the server may be silent, in milliseconds. */
  readonly silence: number;
  /** Called when the server has begun to answer. */
  readonly onOpen: () => void;
  /** Called with each event. An error that it throws ends the watch. */
  readonly onLine: (line: string) => void;
}

type TlsOptions = Pick<HttpsOptions, "ca" | "servername" | "cert" | "key">;

/** The API server, asked over HTTP/1.1. */
export class Api {
  readonly #access: ClusterAccess;
  #tls: TlsOptions;
  #agent: HttpAgent;

  constructor(access: ClusterAccess) {
    this.#access = access;
    this.#tls = tlsWith(access, access.certificate);
    this.#agent = agentFor(access, this.#tls);
  }

  /** umay's own namespace. */
  get namespace(): string {
    return this.#access.namespace;
  }

  /** The server's URL, for the log. */
  get server(): string {
    return this.#access.server.href;
  }

  /** The answer, as JSON. @throws ApiError */
  async json(request: ApiRequest): Promise<unknown> {
    const signal = AbortSignal.any([request.signal, AbortSignal.timeout(answerTimeout)]);
    const response = await this.#ask(request, signal);
    const text = await readAll(response, mostOfAnswer);
    try {
      return JSON.parse(text);
    } catch (cause) {
      throw new ApiError(0, "the answer is no JSON", 0, cause);
    }
  }

  /**
   * Hands on the lines of a watch. Resolves at its orderly end, and when the server has been silent: it has had nothing to
   * say, or the connection is dead. @throws ApiError, or what `onLine` throws.
   */
  async watch({ path, signal, silence, onOpen, onLine }: WatchRequest): Promise<void> {
    const silent = new AbortController();
    const timer = setTimeout(
      () => silent.abort(new ApiError(0, `the server did not answer within ${silence} ms`)),
      silence,
    );
    let isOpen = false;
    try {
      const both = AbortSignal.any([signal, silent.signal]);
      const response = await this.#ask({ method: "GET", path, signal }, both);
      const lines = new Lines(mostOfLine, onLine);
      isOpen = true;
      onOpen();
      for await (const chunk of response) {
        timer.refresh();
        lines.push(chunk as Buffer);
      }
    } catch (error) {
      if (!isOpen || !silent.signal.aborted) throw asApiError(error, silent.signal);
    } finally {
      clearTimeout(timer);
    }
  }

  close(): void {
    this.#agent.destroy();
  }

  /** @returns the response where it is none of refusal. @throws ApiError */
  async #ask({ method, path, body }: ApiRequest, signal: AbortSignal): Promise<IncomingMessage> {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const response = await this.#answer(method, path, text, signal).catch((error: unknown) => {
      throw asApiError(error, signal);
    });
    const status = response.statusCode!;
    if (status >= 200 && status < 300) return response;
    if (status === 401) {
      this.#access.token?.refused();
      this.#access.exec?.refused();
    }
    const seconds = Number(response.headers["retry-after"]);
    const reason = await refusalOf(response);
    throw new ApiError(status, reason, Number.isFinite(seconds) ? Math.min(seconds, 300) * 1_000 : 0);
  }

  /** The present one. Connections with another certificate than the present one end. */
  async #token(): Promise<string | undefined> {
    const { token, exec } = this.#access;
    if (exec === undefined) return token?.value();
    const credential = await exec.credential();
    if (credential.certificate?.cert !== this.#tls.cert) {
      this.#agent.destroy();
      this.#tls = tlsWith(this.#access, credential.certificate);
      this.#agent = agentFor(this.#access, this.#tls);
    }
    return credential.token;
  }

  async #answer(
    method: string,
    path: string,
    text: string | undefined,
    signal: AbortSignal,
  ): Promise<IncomingMessage> {
    const { server } = this.#access;
    const token = await this.#token();
    const options: RequestOptions = {
      method,
      agent: this.#agent,
      signal,
      path: `${server.pathname === "/" ? "" : server.pathname}${path}`,
      headers: {
        accept: "application/json",
        "user-agent": "umay",
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(text !== undefined && {
          "content-type": method === "PATCH" ? "application/merge-patch+json" : "application/json",
          "content-length": Buffer.byteLength(text),
        }),
      },
    };
    const { request } = server.protocol === "http:" ? http() : https();
    const first = request(server, options);
    return answerOf(first, text).catch((error: unknown) => {
      // The server closed a kept connection while the request was on its way.
      if (!first.reusedSocket || signal.aborted) throw error;
      return answerOf(request(server, { ...options, agent: false, ...this.#tls }), text);
    });
  }
}

const tlsWith = ({ ca, serverName }: ClusterAccess, certificate: Credential["certificate"]): TlsOptions => ({
  ...(ca !== undefined && { ca }),
  ...(serverName !== undefined && { servername: serverName }),
  ...certificate,
});

function agentFor({ server }: ClusterAccess, tls: TlsOptions): HttpAgent {
  const options = { keepAlive: true, maxFreeSockets: 4, scheduling: "lifo" } as const;
  return server.protocol === "http:"
    ? new (http().Agent)(options)
    : new (https().Agent)({ ...options, ...tls });
}

function answerOf(request: ClientRequest, text: string | undefined): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  request.on("response", resolve);
  request.on("error", reject);
  request.end(text);
  return promise;
}

async function readAll(response: IncomingMessage, most: number): Promise<string> {
  const parts: Buffer[] = [];
  let length = 0;
  try {
    for await (const part of response) {
      length += (part as Buffer).length;
      if (length > most) throw new ApiError(0, `the answer has more than ${most} bytes`);
      parts.push(part as Buffer);
    }
  } catch (error) {
    throw asApiError(error);
  }
  return Buffer.concat(parts, length).toString("utf8");
}

/** The message of a `Status`, or the beginning of another answer. */
async function refusalOf(response: IncomingMessage): Promise<string> {
  const text = await readAll(response, mostOfRefusal).catch(() => "");
  try {
    const { message } = JSON.parse(text) as { message?: unknown };
    if (typeof message === "string") return `${response.statusCode}: ${message}`;
  } catch {
    // A proxy in between answers in its own way.
  }
  return `${response.statusCode} ${response.statusMessage ?? ""}`.trim();
}

function asApiError(error: unknown, signal?: AbortSignal): ApiError {
  if (error instanceof ApiError) return error;
  const because = signal?.aborted && signal.reason instanceof Error ? signal.reason : error;
  return new ApiError(0, because instanceof Error ? because.message : String(because), 0, error);
}
