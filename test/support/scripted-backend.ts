import fc from "fast-check";
import { RequestRecorder } from "../http/recorder.ts";
import type { FakeSocket } from "./fake-socket.ts";
import { FakeBackend } from "./http-scene.ts";

/** A request, and how its backend answers it. */
export const request = fc.record({
  method: fc.constantFrom("GET", "POST", "HEAD", "PUT"),
  body: fc.constantFrom("none", "length", "chunked"),
  answer: fc.constantFrom("length", "chunked", "close", "early hints", "empty"),
  fault: fc.constantFrom("", "", "", "", "cut", "reset", "garbage", "surplus", "silence"),
});
export type Wanted = (typeof request extends fc.Arbitrary<infer T> ? T : never) & { readonly id: string };

/** A backend that reads requests, and answers as each of them wants it. */
export class ScriptedBackend {
  readonly #backend: FakeBackend;
  readonly #recorder = new RequestRecorder();
  #read = 0;
  #answered = 0;
  #left = "";

  constructor(socket: FakeSocket) {
    this.#backend = new FakeBackend(socket);
    this.#recorder.answers = true;
  }

  /** The paths of the requests of which a byte came. */
  get seen(): string[] {
    this.read();
    return this.#recorder.requests.map(({ path }) => path!);
  }

  read(): void {
    const { written } = this.#backend.socket;
    for (; this.#read < written.length; this.#read++) {
      const bytes = Buffer.from(written[this.#read]!);
      this.#recorder.front.receive(bytes, 0, bytes.length);
    }
  }

  /** Sends so many bytes of the answer to the present request. */
  answer(wanted: ReadonlyMap<string, Wanted>, size: number): void {
    this.read();
    const { requests } = this.#recorder;
    if (this.#left === "" && this.#answered < requests.length && requests[this.#answered]!.complete) {
      const id = requests[this.#answered++]!.path!.slice(1);
      this.#left = answerTo(wanted.get(id)!);
    }
    if (this.#left === "" || this.#backend.socket.isPaused()) return;
    const part = this.#left.slice(0, size);
    this.#left = this.#left.slice(size);
    const end = /[\u00a4\u00a6]/.exec(part);
    const sent = end === null ? part : part.slice(0, end.index);
    if (sent !== "") this.#backend.send(sent);
    if (end?.[0] === "\u00a4") this.#backend.end();
    else if (end?.[0] === "\u00a6") this.#backend.socket.fail("ECONNRESET");
  }
}

/** As bytes; \u00a4 is the end of the connection, \u00a6 a reset. */
function answerTo({ id, method, answer, fault }: Wanted): string {
  const content = `answer to ${id}`;
  const sent = method === "HEAD" ? "" : content;
  if (fault === "silence") return "";
  if (fault === "reset") return "\u00a6";
  if (fault === "garbage") return "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n";
  const cut = fault === "cut" && method !== "HEAD" ? sent.slice(0, 5) : sent;
  const after = fault === "cut" ? "\u00a4" : fault === "surplus" ? "surplus" : "";
  const length = `HTTP/1.1 200 OK\r\nContent-Length: ${content.length}\r\n\r\n${cut}${after}`;
  switch (answer) {
    case "length":
      return length;
    case "early hints":
      return `HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${length}`;
    case "empty":
      return `HTTP/1.1 204 No Content\r\n\r\n${after}`;
    case "close":
      return fault === "cut" ? length : `HTTP/1.0 200 OK\r\n\r\n${sent}\u00a4`;
    case "chunked": {
      const chunks =
        sent === "" ? "" : `${cut.length.toString(16)}\r\n${cut}\r\n${fault === "cut" ? "" : "0\r\n\r\n"}`;
      return `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}${after}`;
    }
  }
}
