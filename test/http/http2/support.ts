import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import type { Fault } from "../../../src/http/fault.ts";
import type { ResponseUser } from "../../../src/http/http2/client-stream.ts";
import type { Connection, ConnectionOwner } from "../../../src/http/http2/connection.ts";
import { FieldList } from "../../../src/http/http2/field-list.ts";
import { fieldOf } from "../../../src/http/http2/hpack/field.ts";
import { type ConnectionLimits, clientSideLimits } from "../../../src/http/http2/limits.ts";
import type { ConnectionError } from "../../../src/http/http2/protocol.ts";
import { ServerConnection, type ServerOwner } from "../../../src/http/http2/server-connection.ts";
import type { RequestUser, ServerStream } from "../../../src/http/http2/server-stream.ts";
import {
  type Fields,
  type RequestHead,
  type ResponseHead,
  unknownLength,
} from "../../../src/http/message.ts";

export const terms = { scheme: "http", tunnels: true, target: 8192 } as const;

export function listOf(pairs: Readonly<Record<string, string>>): FieldList {
  return new FieldList(Object.entries(pairs).map(([name, value]) => fieldOf(name, value)));
}

export const pairsOf = (fields: Fields): string[] =>
  Array.from({ length: fields.count }, (_, index) => `${fields.name(index)}: ${fields.value(index)}`);

export function responseHead(
  status: number,
  length: number = unknownLength,
  fields: Fields = listOf({}),
): ResponseHead {
  return { status, phrase: "", fields, length };
}

export function requestHead(changes: Partial<RequestHead> = {}): RequestHead {
  return {
    method: "GET",
    scheme: "http",
    authority: "a.test",
    host: "a.test",
    path: "/",
    query: "",
    secondPath: undefined,
    fields: listOf({}),
    length: 0,
    upgrade: "",
    expectsContinue: false,
    takesTrailers: false,
    ...changes,
  };
}

/** Records what a stream's user is told. */
export class Recorder {
  readonly parts: Buffer[] = [];
  /** Returned by `body`. */
  accepts = true;
  complete = false;
  trailers: Fields | undefined;
  fault: Fault | undefined;
  readies = 0;
  onReady: () => void = () => {};
  onEnd: () => void = () => {};

  get text(): string {
    return Buffer.concat(this.parts).toString("latin1");
  }

  body(bytes: Buffer, start: number, end: number, last: boolean): boolean {
    this.parts.push(Buffer.from(bytes.subarray(start, end)));
    // As a receiver may.
    bytes.fill(0x21);
    if (last) this.finish();
    return this.accepts;
  }

  end(trailers: Fields | undefined): void {
    this.trailers = trailers?.retain();
    this.finish();
  }

  protected finish(): void {
    this.complete = true;
    this.onEnd();
  }

  fail(fault: Fault): void {
    this.fault = fault;
  }

  ready(): void {
    this.readies++;
    this.onReady();
  }
}

export class RequestRecorder extends Recorder implements RequestUser {
  readonly stream: ServerStream;
  head: RequestHead | undefined;
  onRequest: () => void = () => {};

  constructor(stream: ServerStream) {
    super();
    this.stream = stream;
  }

  request(head: RequestHead, last: boolean): void {
    this.head = head;
    this.onRequest();
    if (last) this.finish();
  }
}

export class ResponseRecorder extends Recorder implements ResponseUser {
  head: ResponseHead | undefined;
  readonly interims: number[] = [];
  isSwitched = false;

  interim(head: ResponseHead): void {
    this.interims.push(head.status);
  }

  /** Heads and fields may change when this has returned. */
  response({ status, phrase, fields, length }: ResponseHead): void {
    this.head = { status, phrase, fields: fields.retain(), length };
  }

  switched(head: ResponseHead): void {
    this.response(head);
    this.isSwitched = true;
  }
}

/** The owner of a connection without a socket. */
export class Owner implements ConnectionOwner {
  error: ConnectionError | undefined;
  isFinished = false;
  onFlush: () => void = () => {};
  bufferSize = 65_536;

  borrow(): Buffer {
    return Buffer.allocUnsafe(this.bufferSize);
  }

  wantsFlush(): void {
    this.onFlush();
  }

  failed(error: ConnectionError): void {
    this.error = error;
  }

  finished(): void {
    this.isFinished = true;
  }
}

export class RecordingServer extends Owner implements ServerOwner {
  readonly requests: RequestRecorder[] = [];
  onRequest: (request: RequestRecorder) => void = () => {};

  request(stream: ServerStream): RequestRecorder {
    const request = new RequestRecorder(stream);
    this.requests.push(request);
    request.onRequest = () => this.onRequest(request);
    return request;
  }
}

/** Everything that a connection has to send. */
export function drainOutput(connection: Connection): Buffer {
  const parts: Buffer[] = [];
  for (let part = connection.take(); part !== undefined; part = connection.take()) parts.push(part);
  return Buffer.concat(parts);
}

/** Hands each side what the other one has to say until both are silent. @param split how many bytes at a time. */
export function converse(one: Connection, other: Connection, now = 0, split = (): number => 65_536): void {
  for (let silent = 0; silent < 2; ) {
    silent = 0;
    for (const [from, to] of [
      [one, other],
      [other, one],
    ] as const) {
      const bytes = drainOutput(from);
      if (bytes.length === 0) silent++;
      for (let at = 0; at < bytes.length; ) {
        const piece = Buffer.from(bytes.subarray(at, at + Math.max(1, split())));
        to.receive(piece, 0, piece.length, now);
        at += piece.length;
      }
    }
  }
}

/** A server over loopback, which sends once per turn of the event loop. */
export async function serve(
  onRequest: (request: RequestRecorder) => void,
  limits: ConnectionLimits = clientSideLimits,
): Promise<{ port: number; close: () => Promise<void> }> {
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    const owner = new RecordingServer();
    owner.onRequest = onRequest;
    attach(socket, owner, (begun) => new ServerConnection(limits, terms, begun, performance.now()));
    socket.once("close", () => sockets.delete(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

/** Runs a connection over a socket. */
export function attach<O extends Owner, C extends Connection>(
  socket: Socket,
  owner: O,
  make: (owner: O) => C,
): C {
  let isDue = false;
  const flush = (): void => {
    isDue = false;
    while (!socket.destroyed && !socket.writableNeedDrain) {
      const bytes = connection.take();
      if (bytes === undefined) break;
      socket.write(bytes);
    }
    if (connection.failure !== undefined) socket.end();
  };
  owner.onFlush = () => {
    if (!isDue) setImmediate(flush);
    isDue = true;
  };
  const connection = make(owner);
  socket.on("data", (chunk) => connection.receive(chunk, 0, chunk.length, performance.now()));
  socket.on("drain", flush);
  socket.on("error", () => {});
  socket.on("close", () => connection.closed());
  return connection;
}
