import { createHash } from "node:crypto";
import { once } from "node:events";
import {
  type Agent,
  createServer,
  type IncomingMessage,
  type RequestListener,
  type RequestOptions,
  request,
  type Server,
} from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";

/** The answer that a client got. */
export interface Received {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly trailers: IncomingMessage["trailers"];
  readonly body: string;
}

/** A backend of Node's own. */
export async function startHttpBackend(
  answer: RequestListener,
): Promise<AsyncDisposable & { readonly server: Server; readonly address: string }> {
  const server = createServer(answer);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    server,
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

/** Answers with what it got, as JSON. */
export const tellRequest =
  (name: string): RequestListener =>
  (message, response) => {
    const hash = createHash("sha256");
    let length = 0;
    message.on("data", (chunk: Buffer) => {
      hash.update(chunk);
      length += chunk.length;
    });
    message.on("end", () => {
      const { method, url, headers } = message;
      response.setHeader("x-backend", name);
      response.end(JSON.stringify({ name, method, url, headers, length, sha256: hash.digest("hex") }));
    });
  };

/** One request with Node's client. @throws where its answer is cut short. */
export async function ask(
  port: number,
  options: RequestOptions & { readonly agent?: Agent | undefined } = {},
  body?: Buffer,
): Promise<Received> {
  const sent = request({ host: "127.0.0.1", port, ...options });
  sent.end(body);
  const [response] = (await once(sent, "response")) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  const { statusCode, headers, trailers } = response;
  return { status: statusCode!, headers, trailers, body: Buffer.concat(chunks).toString() };
}

/** A connection on which a test says every byte. */
export class RawClient implements Disposable {
  readonly socket: Socket;
  text = "";
  error: NodeJS.ErrnoException | undefined;
  ended = false;
  readonly #waiting: (() => void)[] = [];

  constructor(port: number) {
    this.socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    this.socket.on("data", (chunk: Buffer) => {
      this.text += chunk.toString("latin1");
      this.#tell();
    });
    this.socket.on("end", () => {
      this.ended = true;
      this.#tell();
    });
    this.socket.on("error", (error: NodeJS.ErrnoException) => {
      this.error = error;
      this.#tell();
    });
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }

  send(text: string): this {
    this.socket.write(text, "latin1");
    return this;
  }

  /** Until the predicate holds, which is asked whenever something came. */
  async until(holds: (client: this) => boolean): Promise<this> {
    while (!holds(this)) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#waiting.push(resolve);
      await promise;
    }
    return this;
  }

  #tell(): void {
    for (const tell of this.#waiting.splice(0)) tell();
  }
}
