import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Http1Backend } from "../../../../src/http/http1/backend.ts";
import { responseLimits } from "../../../http/recorder.ts";
import type { FakeSocket } from "../../../support/fake-socket.ts";
import { HttpScene, writtenTo } from "../../../support/http-scene.ts";
import { request, ScriptedBackend, type Wanted } from "../../../support/scripted-backend.ts";

const step = fc.record({
  what: fc.constantFrom(
    ...([
      "client sends",
      "client sends",
      "client sends",
      "backend answers",
      "backend answers",
      "backend answers",
    ] as const),
    ...([
      "connect",
      "connect",
      "refuse",
      "idle closes",
      "fill",
      "drain",
      "client fills",
      "client drains",
    ] as const),
    ...([
      "client ends",
      "client resets",
      "tick",
      "late",
      "vacate",
      "drain process",
      "upstream closes",
    ] as const),
  ),
  which: fc.nat(7),
  size: fc.integer({ min: 1, max: 400 }),
});

function textOf({ id, method, body }: Wanted): string {
  const content = method === "GET" || method === "HEAD" || body === "none" ? "" : `body of ${id}`;
  const framing =
    content === ""
      ? ""
      : body === "length"
        ? `Content-Length: ${content.length}\r\n`
        : "Transfer-Encoding: chunked\r\n";
  const sent =
    body === "chunked" && content !== ""
      ? `${content.length.toString(16)}\r\n${content}\r\n0\r\n\r\n`
      : content;
  return `${method} /${id} HTTP/1.1\r\nHost: a.test\r\n${framing}\r\n${sent}`;
}

/** The answers that a client got, in order, as far as they are complete. */
function answersTo(client: FakeSocket, wanted: readonly Wanted[]): string[] {
  const bytes = Buffer.from(writtenTo(client), "latin1");
  const answers: string[] = [];
  let at = 0;
  for (const { method } of wanted) {
    if (at >= bytes.length) break;
    let text = "";
    let done = false;
    let failed = false;
    const reader = new Http1Backend(responseLimits);
    const receiver = {
      interim: () => {},
      response: ({ status }: { status: number }) => {
        text = `${status} `;
      },
      switched: () => {},
      body: (part: Buffer, start: number, end: number, last: boolean) => {
        text += part.toString("latin1", start, end);
        done ||= last;
        return true;
      },
      end: () => {
        done = true;
      },
      fail: () => {
        failed = true;
      },
    };
    // The method of a request whose head is not whole is not known.
    const isOfUnread = /^HTTP\/1\.1 40[08] /.test(bytes.toString("latin1", at, at + 16));
    reader.begin(isOfUnread ? "GET" : method, "", receiver);
    // A byte at a time: it is known where an answer ends.
    while (at < bytes.length && !done && !failed) {
      reader.receive(Buffer.from(bytes.subarray(at, at + 1)), 0, 1);
      at++;
    }
    assert.ok(!failed, `a client got what is no answer: ${bytes.toString("latin1")}`);
    if (!done && client.writableEnded && !client.wasReset) reader.ended();
    if (!done) break;
    answers.push(text);
  }
  return answers;
}

test("whatever happens in whatever order: answers come once, in order and whole, or the client is reset; nothing stays behind", async () => {
  const prepared = await HttpScene.of();
  await fc.assert(
    fc.property(
      fc.array(fc.array(request, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 3 }),
      fc.array(step, { minLength: 10, maxLength: 150 }),
      (clients, steps) => {
        const scene = prepared.again();
        const wanted = new Map<string, Wanted>();
        const people = clients.map((requests, client) => {
          const own = requests.map((one, index): Wanted => ({ ...one, id: `${client}-${index}` }));
          for (const one of own) wanted.set(one.id, one);
          return { socket: scene.accept(), own, left: own.map(textOf).join("") };
        });
        const backends = new Map<FakeSocket, ScriptedBackend>();
        const dialled = (): FakeSocket[] => {
          for (const socket of scene.plane.dialled)
            if (!backends.has(socket)) backends.set(socket, new ScriptedBackend(socket));
          return scene.plane.dialled;
        };
        const resets = new Map<FakeSocket, number>();
        for (const { what, which, size } of steps) {
          const person = people[which % people.length]!;
          const sockets = dialled();
          const socket = sockets.at(-1 - (which % Math.max(1, Math.min(sockets.length, 4))));
          switch (what) {
            case "client sends":
              person.socket.receive(Buffer.from(person.left.slice(0, size)));
              person.left = person.left.slice(size);
              break;
            case "connect":
              for (const each of sockets) each.connect("connect");
              break;
            case "refuse":
              if (socket?.connecting) socket.fail("ECONNREFUSED");
              break;
            case "backend answers":
              for (const each of sockets) if (!each.connecting) backends.get(each)!.answer(wanted, size);
              break;
            case "idle closes":
            case "upstream closes":
              if (socket !== undefined && !socket.connecting) socket.receiveEnd();
              break;
            case "fill":
              socket?.fill();
              break;
            case "drain":
              socket?.drain();
              break;
            case "client fills":
              person.socket.fill();
              break;
            case "client drains":
              person.socket.drain();
              break;
            case "client ends":
              person.socket.receiveEnd();
              break;
            case "client resets":
              if (size < 100) person.socket.fail("ECONNRESET");
              break;
            case "tick":
              scene.sweep(0);
              break;
            case "late":
              if (size < 60) scene.sweep(size * 3_000);
              break;
            case "vacate":
              for (const one of scene.plane.open) one.vacate(which % 3);
              break;
            case "drain process":
              if (size < 20) Object.assign(scene.plane, { isDraining: true });
          }
          for (const { socket: client } of people) {
            client.flow();
            if (!client.wasReset) continue;
            const length = resets.get(client) ?? client.written.length;
            resets.set(client, length);
            assert.equal(client.written.length, length, "something was sent after a reset");
          }
          for (const each of dialled()) each.flow();
        }
        scene.finish();
        const seen = [...backends.values()].flatMap((backend) => backend.seen);
        for (const path of new Set(seen)) {
          const times = seen.filter((each) => each === path).length;
          const { method } = wanted.get(path.slice(1))!;
          assert.ok(
            times === 1 || (method !== "POST" && times === 2),
            `${method} ${path} was sent ${times} times`,
          );
        }
        for (const { socket, own } of people) {
          const answers = answersTo(socket, own);
          assert.ok(answers.length <= own.length);
          for (const [index, answer] of answers.entries()) {
            if (!answer.startsWith("200")) continue;
            const { id, method, answer: framing } = own[index]!;
            const whole = method === "HEAD" ? "200 " : `200 answer to ${id}`;
            // A body that ends with the connection is whole wherever that ends.
            if (framing === "close") assert.ok(whole.startsWith(answer));
            else assert.equal(answer, whole);
          }
        }
        const logged = scene.requests.length;
        const known = new Set(scene.requests.map(({ path }) => path));
        assert.ok(logged <= wanted.size + people.length && known.size <= wanted.size + 1);
      },
    ),
    { numRuns: Number(process.env["RUNS"] ?? 200) },
  );
});
