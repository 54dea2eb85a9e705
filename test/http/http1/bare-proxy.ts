import { connect, createServer, type Server, type Socket } from "node:net";
import { createAnswer, sendAnswer } from "../../../src/http/answer.ts";
import type { Fault } from "../../../src/http/fault.ts";
import { markDropped } from "../../../src/http/hop-by-hop.ts";
import { Http1Backend } from "../../../src/http/http1/backend.ts";
import { Http1Front } from "../../../src/http/http1/front.ts";
import type { Output } from "../../../src/http/http1/output.ts";
import { Http1RequestWriter } from "../../../src/http/http1/request-writer.ts";
import { Http1ResponseWriter } from "../../../src/http/http1/response-writer.ts";
import type {
  Fields,
  RequestHead,
  RequestReceiver,
  ResponseHead,
  ResponseReceiver,
} from "../../../src/http/message.ts";
import { frontOptions, responseLimits } from "../recorder.ts";

const outputTo = (socket: Socket): Output => ({
  text: (text) => void socket.write(text, "latin1"),
  // The kernel may take them later, when the buffer is used again.
  bytes: (bytes, start, end) => socket.write(Buffer.from(bytes.subarray(start, end))),
  close: () => void socket.end(),
  reset: () => void socket.resetAndDestroy(),
});

/** The least proxy that the engine makes: a connection to the backend for each request, and no limits. */
class Connection implements RequestReceiver {
  readonly client: Socket;
  readonly front = new Http1Front({ ...frontOptions, scheme: "http" }, this);
  readonly response: Http1ResponseWriter;
  upstream: Socket | undefined;
  readonly #port: number;
  #request: Http1RequestWriter | undefined;

  constructor(client: Socket, port: number) {
    this.client = client;
    this.#port = port;
    this.response = new Http1ResponseWriter(this.front, outputTo(client));
    client.on("data", (bytes) => {
      if (!this.front.receive(bytes, 0, bytes.length)) client.pause();
    });
    client.on("end", () => this.front.ended());
    client.on("drain", () => this.upstream?.resume());
    client.on("error", () => this.upstream?.destroy());
    client.on("close", () => this.upstream?.destroy());
  }

  request(head: RequestHead, last: boolean): void {
    const upstream = connect({ host: "127.0.0.1", port: this.#port, allowHalfOpen: true });
    const backend = new Http1Backend(responseLimits);
    backend.begin(head.method, head.upgrade, new Response(this, head.method));
    upstream.on("data", (bytes) => {
      if (!backend.receive(bytes, 0, bytes.length)) upstream.pause();
      if (backend.state === "idle" || backend.state === "spent") upstream.destroy();
    });
    upstream.on("end", () => backend.ended());
    upstream.on("drain", () => this.client.resume());
    upstream.on("error", () => backend.ended());
    this.upstream = upstream;
    this.#request = new Http1RequestWriter(outputTo(upstream));
    this.#request.request(head, false, { dropped: markDropped(head.fields, []), lines: "via: 1.1 umay\r\n" });
    if (last) this.#request.end(undefined);
  }

  body(bytes: Buffer, start: number, end: number, last: boolean): boolean {
    return this.#request!.body(bytes, start, end, last);
  }

  end(trailers: Fields | undefined): void {
    this.#request!.end(trailers);
    if (this.front.state === "closed") this.upstream!.end();
  }

  fail(fault: Fault): void {
    const isUnderWay = this.upstream !== undefined && !this.upstream.destroyed;
    this.upstream?.destroy();
    if (isUnderWay) this.response.fail(fault);
    else sendAnswer(createAnswer(fault, this.front.request.method, ""), this.response);
  }
}

class Response implements ResponseReceiver {
  readonly #connection: Connection;
  readonly #to: Http1ResponseWriter;
  readonly #method: string;

  constructor(connection: Connection, method: string) {
    this.#connection = connection;
    this.#to = connection.response;
    this.#method = method;
  }

  interim(head: ResponseHead): void {
    this.#to.interim(head);
  }

  response(head: ResponseHead, follows: boolean): void {
    this.#to.response(head, follows);
  }

  switched(head: ResponseHead): void {
    this.#to.switched(head);
    this.#connection.client.resume();
  }

  body(bytes: Buffer, start: number, end: number, last: boolean): boolean {
    const accepts = this.#to.body(bytes, start, end, last);
    if (last) this.#connection.client.resume();
    return accepts;
  }

  end(trailers: Fields | undefined): void {
    this.#to.end(trailers);
    this.#connection.client.resume();
  }

  fail(fault: Fault): void {
    if (this.#to.hasBegun) this.#to.fail(fault);
    else sendAnswer(createAnswer(fault, this.#method, ""), this.#to);
  }
}

/** Listens on a port of its own, and forwards to the backend at this port. */
export function createProxy(port: number): Server {
  return createServer({ allowHalfOpen: true }, (client) => void new Connection(client, port));
}
