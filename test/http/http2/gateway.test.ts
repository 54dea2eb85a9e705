import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Http1Backend } from "../../../src/http/http1/backend.ts";
import { Http1Front } from "../../../src/http/http1/front.ts";
import type { Output } from "../../../src/http/http1/output.ts";
import { Http1RequestWriter } from "../../../src/http/http1/request-writer.ts";
import { Http1ResponseWriter } from "../../../src/http/http1/response-writer.ts";
import { ClientConnection } from "../../../src/http/http2/client-connection.ts";
import { backendSideLimits, clientSideLimits } from "../../../src/http/http2/limits.ts";
import { ServerConnection } from "../../../src/http/http2/server-connection.ts";
import type { RequestUser } from "../../../src/http/http2/server-stream.ts";
import type {
  BodyReceiver,
  Fields,
  RequestHead,
  RequestReceiver,
  ResponseReceiver,
} from "../../../src/http/message.ts";
import { frontOptions, responseLimits } from "../recorder.ts";
import {
  converse,
  listOf,
  Owner,
  pairsOf,
  ResponseRecorder,
  requestHead,
  responseHead,
  terms,
} from "./support.ts";

/** Sends a request over a connection of some version. @returns what takes its body. */
type Send = (head: RequestHead, last: boolean, answer: ResponseReceiver) => BodyReceiver;
/** Makes the receiver of a request. @param answer takes the response. */
type Serve = (answer: ResponseReceiver) => RequestReceiver;

/** A connection between two sides that do not know its version, and moves what is on its way. */
interface Link {
  readonly send: Send;
  readonly move: () => boolean;
}

/** The bytes on their way to one side of a connection. */
class Pipe implements Output {
  #parts: Buffer[] = [];
  isCut = false;

  text(text: string): void {
    this.#parts.push(Buffer.from(text, "latin1"));
  }

  bytes(bytes: Buffer, start: number, end: number): boolean {
    this.#parts.push(Buffer.from(bytes.subarray(start, end)));
    return true;
  }

  close(): void {}

  reset(): void {
    this.isCut = true;
  }

  take(): Buffer {
    return Buffer.concat(this.#parts.splice(0));
  }
}

function linkHttp1(serve: Serve): Link {
  const [up, down] = [new Pipe(), new Pipe()];
  const writer = new Http1RequestWriter(up);
  const backend = new Http1Backend(responseLimits);
  const served: { receiver?: RequestReceiver } = {};
  const front: Http1Front = new Http1Front(
    { ...frontOptions, scheme: "http" },
    {
      request: (head, last) => served.receiver!.request(head, last),
      body: (...part) => served.receiver!.body(...part),
      end: (trailers) => served.receiver!.end(trailers),
      fail: (fault) => served.receiver!.fail(fault),
    },
  );
  served.receiver = serve(new Http1ResponseWriter(front, down));
  return {
    send(head, _last, answer) {
      backend.begin(head.method, head.upgrade, answer);
      writer.request(head, false);
      return writer;
    },
    move() {
      const [there, back] = [up.take(), down.take()];
      if (there.length > 0) front.receive(there, 0, there.length);
      if (back.length > 0) backend.receive(back, 0, back.length);
      if (down.isCut) backend.ended();
      return there.length + back.length > 0;
    },
  };
}

function linkHttp2(serve: Serve): Link {
  const owner = {
    borrow: () => Buffer.allocUnsafe(65_536),
    wantsFlush() {},
    failed: (error: Error) => assert.fail(error),
    finished() {},
    request: (stream: ResponseReceiver): RequestUser => {
      const receiver = serve(stream);
      return {
        request: (head, last) => receiver.request(head, last),
        body: (...part) => receiver.body(...part),
        end: (trailers) => receiver.end(trailers),
        fail: (fault) => receiver.fail(fault),
        ready() {},
      };
    },
  };
  const server = new ServerConnection(clientSideLimits, terms, owner, 0);
  const client = new ClientConnection(backendSideLimits, new Owner(), 0);
  let isMoving = false;
  return {
    send: (head, last, answer) =>
      client.request(head, last, {
        interim: (early) => answer.interim(early),
        response: (final, follows) => answer.response(final, follows),
        switched: (agreed) => answer.switched(agreed),
        body: (...part) => answer.body(...part),
        end: (trailers) => answer.end(trailers),
        fail: (fault) => answer.fail(fault),
        ready() {},
      }),
    move() {
      if (isMoving) return false;
      isMoving = true;
      const before = server.window.received + client.window.received + server.count;
      converse(client, server);
      isMoving = false;
      return server.window.received + client.window.received + server.count !== before;
    },
  };
}

/** Passes a request on, and its response back, by nothing but the interface of messages. */
const forward =
  (send: Send): Serve =>
  (answer) => {
    let body: BodyReceiver | undefined;
    return {
      request(head, last) {
        body = send(head, last, answer);
      },
      body: (...part) => body!.body(...part),
      end: (trailers) => body!.end(trailers),
      fail: (fault) => answer.fail(fault),
    };
  };

interface Seen {
  head?: {
    method: string;
    path: string;
    length: number;
    upgrade: string;
    takesTrailers: boolean;
    fields: string[];
  };
}

/** Says an early word, and then what it is told. */
const echo =
  (seen: Seen): Serve =>
  (answer) => ({
    request({ method, path, query, length, upgrade, takesTrailers, fields }, last) {
      seen.head = { method, path: path + query, length, upgrade, takesTrailers, fields: pairsOf(fields) };
      if (upgrade !== "") {
        answer.switched(responseHead(101, 0, listOf({ upgrade, connection: "upgrade" })));
        return;
      }
      answer.interim(responseHead(103, 0, listOf({ link: "</a>" })));
      answer.response(
        responseHead(
          200,
          last ? 0 : length,
          listOf({ "x-answer": "1", ...(length >= 0 && { "content-length": String(length) }) }),
        ),
        last,
      );
      if (last) answer.end(undefined);
    },
    body: (bytes, start, end, last) =>
      answer.body(Buffer.from(bytes.subarray(start, end)), 0, end - start, last),
    end: (trailers: Fields | undefined) => answer.end(trailers?.retain()),
    fail: (fault) => answer.fail(fault),
  });

/** A client, a gateway and a backend. @param versions of the client's connection and of the backend's. */
function chain(versions: readonly [front: 1 | 2, back: 1 | 2]) {
  const seen: Seen = {};
  const [link, further] = versions.map((version) => (version === 1 ? linkHttp1 : linkHttp2));
  const back = further!(echo(seen));
  const front = link!(forward(back.send));
  const settle = (): void => {
    while (front.move() || back.move());
  };
  return { seen, front, settle };
}

const every = [
  [1, 1],
  [1, 2],
  [2, 1],
  [2, 2],
] as const;

for (const versions of every) {
  const name = `from HTTP/${versions[0]} to HTTP/${versions[1]}`;

  test(`${name}: a request and its response arrive as they were sent, bodies and trailers too`, () => {
    const parts = fc.array(fc.nat(30_000), { maxLength: 5 });
    fc.assert(
      fc.property(parts, fc.constantFrom("length", "trailers", "open"), (sizes, kind) => {
        const { seen, front, settle } = chain(versions);
        const bodies = sizes.filter((size) => size > 0).map((size, index) => Buffer.alloc(size, 65 + index));
        const whole = Buffer.concat(bodies);
        const length = kind === "length" ? whole.length : -1;
        const last = kind === "length" && whole.length === 0;
        const fields = listOf({
          "x-a": "b",
          te: "trailers",
          ...(length >= 0 && { "content-length": String(length) }),
        });
        const head = requestHead({
          method: "PUT",
          path: "/p",
          query: "?q",
          length,
          fields,
          takesTrailers: true,
        });
        const user = new ResponseRecorder();
        const body = front.send(head, last, user);
        settle();
        for (const [index, part] of bodies.entries()) {
          body.body(Buffer.from(part), 0, part.length, kind !== "trailers" && index === bodies.length - 1);
          settle();
        }
        if (!last && (kind === "trailers" || bodies.length === 0))
          body.end(kind === "trailers" ? listOf({ "x-sum": "7", "content-length": "1" }) : undefined);
        settle();
        const { fields: passed, ...asked } = seen.head!;
        assert.deepEqual(asked, { method: "PUT", path: "/p?q", length, upgrade: "", takesTrailers: true });
        assert.ok(passed.includes("x-a: b"));
        assert.deepEqual([user.fault, user.interims, user.head!.status], [undefined, [103], 200]);
        assert.ok(pairsOf(user.head!.fields).includes("x-answer: 1"));
        assert.ok(Buffer.concat(user.parts).equals(whole));
        assert.equal(user.complete, true);
        assert.deepEqual(
          user.trailers && pairsOf(user.trailers),
          kind === "trailers" ? ["x-sum: 7"] : undefined,
        );
      }),
      { numRuns: 25 },
    );
  });

  test(`${name}: a tunnel is agreed to, and its bytes pass both ways`, () => {
    const { seen, front, settle } = chain(versions);
    const user = new ResponseRecorder();
    const body = front.send(requestHead({ upgrade: "websocket", length: -1 }), false, user);
    settle();
    assert.deepEqual([seen.head?.upgrade, user.isSwitched], ["websocket", true]);
    body.body(Buffer.from("there and back"), 0, 14, false);
    settle();
    assert.equal(user.text, "there and back");
  });
}
