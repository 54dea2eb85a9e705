import { once } from "node:events";
import { readFileSync } from "node:fs";
import {
  createSecureServer,
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
  type Settings,
} from "node:http2";
import type { AddressInfo } from "node:net";
import type { CertificatePair } from "./certificates.ts";

/** Answers a request. */
export type Answer = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void;

/** A server of Node that speaks HTTP/2 alone, as a backend; by default it answers with the path. */
export class Http2Backend implements AsyncDisposable {
  readonly server: Http2Server;
  /** Those that were ever made. */
  readonly sessions: ServerHttp2Session[] = [];
  /** The heads of requests, in the order in which they came. */
  readonly seen: IncomingHttpHeaders[] = [];
  readonly #answer: Answer;

  private constructor(server: Http2Server, answer: Answer) {
    this.server = server;
    this.#answer = answer;
  }

  /** @param tls without one it expects prior knowledge. */
  static async start(
    answer: Answer = (stream, headers) => {
      stream.respond({ ":status": 200 });
      stream.end(headers[":path"]);
    },
    { tls, settings }: { readonly tls?: CertificatePair; readonly settings?: Settings } = {},
  ): Promise<Http2Backend> {
    const options = settings === undefined ? {} : { settings };
    const server =
      tls === undefined
        ? createServer(options)
        : createSecureServer({ ...options, cert: readFileSync(tls.cert), key: readFileSync(tls.key) });
    const started = new Http2Backend(server as Http2Server, answer);
    server.on("session", (session: ServerHttp2Session) => {
      started.sessions.push(session);
      session.on("error", () => {});
    });
    server.on("stream", (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
      stream.on("error", () => {});
      started.seen.push(headers);
      started.#answer(stream, headers);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return started;
  }

  get address(): string {
    return `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const session of this.sessions) session.destroy();
    this.server.close();
    await once(this.server, "close");
  }
}
