import { connect, createServer, type Server, type Socket } from "node:net";
import { createAnswer } from "../../../src/http/answer.ts";
import type { Fault } from "../../../src/http/fault.ts";
import { answerText } from "../../../src/http/http1/answer-text.ts";
import { Http1Backend } from "../../../src/http/http1/backend.ts";
import { Http1Front } from "../../../src/http/http1/front.ts";
import { chunkEnd, chunkStart, lastChunk, lastChunkWith } from "../../../src/http/http1/reframe.ts";
import { requestText } from "../../../src/http/http1/request-head.ts";
import { type ClientFraming, clientFraming, responseText } from "../../../src/http/http1/response-head.ts";
import {
  type Fields,
  type RequestHead,
  type RequestReceiver,
  type ResponseHead,
  type ResponseReceiver,
  unknownLength,
} from "../../../src/http/message.ts";
import { frontOptions, responseLimits } from "../recorder.ts";

/** Writes a part of a body, in a chunk where it is to be. @returns whether the socket takes more. */
function writePart(socket: Socket, part: Buffer, inChunks: boolean, last: boolean): boolean {
  socket.cork();
  if (inChunks) socket.write(chunkStart(part.length), "latin1");
  const accepts = socket.write(part);
  if (inChunks) socket.write(chunkEnd + (last ? lastChunk : ""), "latin1");
  socket.uncork();
  return accepts;
}

const endOf = (trailers: Fields | undefined): string => (trailers ? lastChunkWith(trailers) : lastChunk);

/** The least proxy that the engine makes: a connection to the backend for each request, and no limits. */
class Connection implements RequestReceiver {
  readonly client: Socket;
  readonly #port: number;
  readonly #front = new Http1Front({ ...frontOptions, scheme: "http" }, this);
  #upstream: Socket | undefined;
  #inChunks = false;

  constructor(client: Socket, port: number) {
    this.client = client;
    this.#port = port;
    client.on("data", (bytes) => {
      if (!this.#front.receive(bytes, 0, bytes.length)) client.pause();
    });
    client.on("end", () => this.#front.ended());
    client.on("drain", () => this.#upstream?.resume());
    client.on("error", () => this.#upstream?.destroy());
    client.on("close", () => this.#upstream?.destroy());
  }

  request(head: RequestHead): void {
    this.#inChunks = head.length === unknownLength;
    const upstream = connect({ host: "127.0.0.1", port: this.#port, allowHalfOpen: true });
    this.#upstream = upstream;
    const backend = new Http1Backend(responseLimits);
    backend.begin(head.method, head.upgrade, new Response(this, head.method, this.#front.request.minor));
    upstream.on("data", (bytes) => {
      if (!backend.receive(bytes, 0, bytes.length)) upstream.pause();
      if (backend.state === "idle" || backend.state === "spent") upstream.destroy();
    });
    upstream.on("end", () => backend.ended());
    upstream.on("drain", () => this.client.resume());
    upstream.on("error", () => backend.ended());
    upstream.write(
      requestText(head, head.path + head.query, head.authority, [], "via: 1.1 umay\r\n"),
      "latin1",
    );
  }

  body(bytes: Buffer, start: number, end: number, last: boolean): boolean {
    return writePart(this.#upstream!, Buffer.from(bytes.subarray(start, end)), this.#inChunks, last);
  }

  end(trailers: Fields | undefined): void {
    if (this.#inChunks) this.#upstream!.write(endOf(trailers), "latin1");
    else this.#upstream!.end();
  }

  fail({ status, reason, detail }: Fault): void {
    const isAnswered = this.#upstream !== undefined && !this.#upstream.destroyed;
    if (isAnswered) this.client.resetAndDestroy();
    else
      this.client.end(answerText(createAnswer({ status, reason, detail }, ""), "GET", "close", ""), "latin1");
    this.#upstream?.destroy();
  }

  answered(): void {
    if (this.#front.answered()) this.client.resume();
    else this.client.end();
  }

  get option(): "" | "close" | "keep-alive" {
    if (!this.#front.request.persists) return "close";
    return this.#front.request.minor > 0 ? "" : "keep-alive";
  }

  tunnel(): void {
    this.#front.tunnel();
    this.client.resume();
  }
}

class Response implements ResponseReceiver {
  readonly #connection: Connection;
  readonly #method: string;
  readonly #minor: number;
  #framing: ClientFraming | undefined;

  constructor(connection: Connection, method: string, minor: number) {
    this.#connection = connection;
    this.#method = method;
    this.#minor = minor;
  }

  interim(head: ResponseHead): void {
    if (this.#minor > 0) this.#connection.client.write(responseText(head, "none", "", [], ""), "latin1");
  }

  response(head: ResponseHead): void {
    this.#framing = clientFraming(head, this.#method, this.#minor);
    const { client, option } = this.#connection;
    client.write(responseText(head, this.#framing, option, [], ""), "latin1");
  }

  switched(head: ResponseHead): void {
    this.response(head);
    this.#connection.tunnel();
  }

  body(bytes: Buffer, start: number, end: number, last: boolean): boolean {
    const part = Buffer.from(bytes.subarray(start, end));
    const accepts = writePart(this.#connection.client, part, this.#framing === "chunked", last);
    if (last) this.#connection.answered();
    return accepts;
  }

  end(trailers: Fields | undefined): void {
    if (this.#framing === "chunked") this.#connection.client.write(endOf(trailers), "latin1");
    if (this.#framing === "switch") this.#connection.client.end();
    else this.#connection.answered();
  }

  fail(fault: Fault): void {
    if (this.#framing === undefined) {
      const answer = createAnswer({ ...fault }, "");
      this.#connection.client.end(answerText(answer, this.#method, "close", ""), "latin1");
    } else this.#connection.client.resetAndDestroy();
  }
}

/** Listens on a port of its own, and forwards to the backend at this port. */
export function createProxy(port: number): Server {
  return createServer({ allowHalfOpen: true }, (client) => void new Connection(client, port));
}
