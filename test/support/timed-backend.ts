import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** How a backend answers. */
export interface TimedAnswer {
  /** How long it takes, in milliseconds. */
  readonly takes?: number;
  readonly status?: number;
}

/** A backend that takes its time, and knows how much it was asked for. */
export class TimedBackend implements AsyncDisposable {
  answer: TimedAnswer;
  port = 0;
  /** Requests that came, by method and path. */
  readonly seen: string[] = [];
  /** Requests that it has at the moment, and the most that it had. */
  active = 0;
  mostActive = 0;
  #server: Server | undefined;

  constructor(answer: TimedAnswer = {}) {
    this.answer = answer;
  }

  static async start(answer?: TimedAnswer): Promise<TimedBackend> {
    const backend = new TimedBackend(answer);
    await backend.start();
    return backend;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Listens, at the same port as before. */
  async start(): Promise<void> {
    const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) =>
      this.#serve(request, response),
    );
    server.listen(this.port, "127.0.0.1");
    await once(server, "listening");
    this.port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  /** Closes its port and every connection, whatever is under way. */
  async kill(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    server?.close();
    server?.closeAllConnections();
    if (server !== undefined) await once(server, "close");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    this.seen.push(`${request.method} ${request.url}`);
    this.active++;
    this.mostActive = Math.max(this.mostActive, this.active);
    const { takes = 0, status = 200 } = this.answer;
    response.once("close", () => this.active--);
    request.resume();
    const answer = (): void => void response.writeHead(status, { "content-length": 2 }).end("ok");
    if (takes === 0) request.once("end", answer);
    else setTimeout(answer, takes);
  }
}
