import assert from "node:assert/strict";
import { type ConnectionLimits, clientSideLimits } from "../../src/http/http2/limits.ts";
import { errorCode } from "../../src/http/http2/protocol.ts";
import { ServerConnection, type ServerOwner } from "../../src/http/http2/server-connection.ts";
import type { RequestUser, ServerStream } from "../../src/http/http2/server-stream.ts";
import { type RequestHead, unknownLength } from "../../src/http/message.ts";
import { readFields } from "../../src/http/scan.ts";
import type { FakeSocket } from "./fake-socket.ts";
import { FakeBackend } from "./http-scene.ts";
import type { ActingBackend } from "./http2-world.ts";
import type { Wanted } from "./scripted-backend.ts";

const limits: ConnectionLimits = { ...clientSideLimits, streams: 3 };

/** A request that has come, and how far it and its answer are. */
class Taken implements RequestUser {
  readonly stream: ServerStream;
  id = "";
  text = "";
  state: "coming" | "whole" | "answering" | "over" = "coming";
  /** Of the answer's body. */
  left = "";

  constructor(stream: ServerStream) {
    this.stream = stream;
  }

  request({ path, scheme }: RequestHead, last: boolean): void {
    assert.equal(scheme, "http");
    this.id = path.slice(1);
    if (last) this.state = "whole";
  }

  body(bytes: Buffer, start: number, end: number, last: boolean): boolean {
    this.text += bytes.toString("latin1", start, end);
    if (last) this.state = "whole";
    return true;
  }

  end(): void {
    this.state = "whole";
  }

  fail(): void {
    this.state = "over";
  }

  ready(): void {}
}

/** A backend with the engine's own server side, on a socket without a network. It takes few requests at a time. */
export class ScriptedHttp2Backend implements ActingBackend, ServerOwner {
  readonly #backend: FakeBackend;
  readonly #engine = new ServerConnection(limits, { scheme: "http", tunnels: true, target: 8192 }, this, 0);
  readonly #taken: Taken[] = [];
  #read = 0;

  constructor(socket: FakeSocket) {
    this.#backend = new FakeBackend(socket);
  }

  /** Those that it acted on, or may have: it did not refuse them. */
  get seen(): string[] {
    return this.#taken.map(({ id }) => `/${id}`);
  }

  request(stream: ServerStream): Taken {
    const taken = new Taken(stream);
    this.#taken.push(taken);
    return taken;
  }

  borrow(): Buffer {
    return Buffer.alloc(4_096);
  }

  wantsFlush(): void {}
  finished(): void {}

  failed(error: Error): void {
    assert.fail(`umay broke the rules of HTTP/2: ${error.message}`);
  }

  leave(): void {
    this.#engine.drain();
  }

  answer(wanted: ReadonlyMap<string, Wanted>, size: number): void {
    const taken = this.#taken.find(({ state }) => state === "answering" || state === "whole");
    if (taken !== undefined) this.#goOn(taken, wanted.get(taken.id)!, size);
  }

  talk(): void {
    const { socket } = this.#backend;
    const { written } = socket;
    for (; this.#read < written.length; this.#read++) {
      const bytes = Buffer.from(written[this.#read]!);
      this.#engine.receive(bytes, 0, bytes.length, 0);
    }
    for (let bytes = this.#engine.take(); bytes !== undefined; bytes = this.#engine.take())
      if (!socket.isPaused()) this.#backend.send(bytes.toString("latin1"));
  }

  #goOn(taken: Taken, wanted: Wanted, size: number): void {
    const { stream } = taken;
    if (taken.state === "whole") this.#begin(taken, wanted);
    if (taken.state !== "answering") return;
    const part = Buffer.from(taken.left.slice(0, size));
    taken.left = taken.left.slice(size);
    const last = taken.left === "";
    if (wanted.fault === "cut") {
      stream.body(part, 0, part.length, false);
      stream.cancel(errorCode.internal);
    } else if (wanted.answer === "chunked") {
      stream.body(part, 0, part.length, false);
      if (last) stream.end(readFields("x-checksum: 1\r\n"));
    } else stream.body(part, 0, part.length, last);
    if (last || wanted.fault === "cut") taken.state = "over";
  }

  #begin(taken: Taken, { id, method, answer, fault, body }: Wanted): void {
    const { stream } = taken;
    const isEmpty = answer === "empty" || method === "HEAD";
    const expected = method === "GET" || method === "HEAD" || body === "none" ? "" : `body of ${id}`;
    assert.equal(taken.text, expected);
    if (fault === "surplus") {
      stream.cancel(errorCode.refused);
      this.#taken.splice(this.#taken.indexOf(taken), 1);
    } else if (fault === "reset") this.#backend.socket.fail("ECONNRESET");
    else if (fault === "garbage") this.#backend.send("\0\0\x08\x06\0\0\0\0\x01garbage!");
    taken.state = fault === "" || fault === "cut" ? "answering" : "over";
    if (taken.state === "over") return;
    const content = `answer to ${id}`;
    if (answer === "early hints")
      stream.interim({ status: 103, phrase: "", length: 0, fields: readFields("link: </a>\r\n") });
    const length = isEmpty ? 0 : answer === "length" ? content.length : unknownLength;
    stream.response(
      { status: answer === "empty" ? 204 : 200, phrase: "", length, fields: readFields("") },
      true,
    );
    taken.left = content;
    if (isEmpty) taken.state = "over";
  }
}
