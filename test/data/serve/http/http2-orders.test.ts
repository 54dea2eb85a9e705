import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ClientConnection } from "../../../../src/http/http2/client-connection.ts";
import type { ClientStream, ResponseUser } from "../../../../src/http/http2/client-stream.ts";
import { backendSideLimits } from "../../../../src/http/http2/limits.ts";
import type { RequestHead, ResponseHead } from "../../../../src/http/message.ts";
import { readFields } from "../../../../src/http/scan.ts";
import type { FakeSocket } from "../../../support/fake-socket.ts";
import { HttpScene } from "../../../support/http-scene.ts";
import { request, ScriptedBackend, type Wanted } from "../../../support/scripted-backend.ts";

const headOf = ({ id, method, body }: Wanted): RequestHead => ({
  method,
  scheme: "http",
  authority: "a.test",
  host: "a.test",
  path: `/${id}`,
  query: "",
  secondPath: undefined,
  fields: readFields(""),
  length: contentOf({ id, method, body }) === "" ? 0 : body === "length" ? `body of ${id}`.length : -1,
  upgrade: "",
  expectsContinue: false,
  takesTrailers: true,
});

const contentOf = ({ id, method, body }: Pick<Wanted, "id" | "method" | "body">): string =>
  method === "GET" || method === "HEAD" || body === "none" ? "" : `body of ${id}`;

/** What a client got for one request. */
class Outcome implements ResponseUser {
  readonly wanted: Wanted;
  stream: ClientStream | undefined;
  left: string;
  status = 0;
  text = "";
  ends = 0;
  fails = 0;

  constructor(wanted: Wanted) {
    this.wanted = wanted;
    this.left = contentOf(wanted);
  }

  interim(): void {}
  response({ status }: ResponseHead): void {
    assert.equal(this.status, 0, "two heads");
    this.status = status;
  }
  switched(): void {
    assert.fail("no switch was asked for");
  }
  body(part: Buffer, start: number, end: number, last: boolean): boolean {
    this.text += part.toString("latin1", start, end);
    if (last) this.ends++;
    return true;
  }
  end(): void {
    this.ends++;
  }
  fail(): void {
    this.fails++;
  }
  ready(): void {}
}

/** A client with its engine, on a socket without a network. */
class Http2Person {
  readonly socket: FakeSocket;
  readonly outcomes: Outcome[] = [];
  readonly #engine: ClientConnection;
  readonly #wanted: Wanted[];
  #read = 0;

  constructor(socket: FakeSocket, wanted: readonly Wanted[]) {
    this.socket = socket;
    this.#wanted = [...wanted];
    const nothing = (): void => {};
    const owner = {
      borrow: () => Buffer.alloc(4_096),
      wantsFlush: nothing,
      failed: (error: Error) => assert.fail(`umay broke the rules of HTTP/2: ${error.message}`),
      finished: nothing,
    };
    this.#engine = new ClientConnection(backendSideLimits, owner, 0);
  }

  /** Begins a request, or sends a part of one that is under way. */
  sends(size: number): void {
    const under = this.outcomes.find(
      ({ left, stream, fails }) => left !== "" && !stream!.gone && fails === 0,
    );
    if (under !== undefined && size % 2 === 0) {
      const part = Buffer.from(under.left.slice(0, size));
      under.left = under.left.slice(size);
      under.stream!.body(part, 0, part.length, under.left === "");
      return;
    }
    if (this.#engine.room === 0) return;
    const wanted = this.#wanted.shift();
    if (wanted === undefined) return;
    const outcome = new Outcome(wanted);
    this.outcomes.push(outcome);
    outcome.stream = this.#engine.request(headOf(wanted), outcome.left === "", outcome);
  }

  cancels(which: number): void {
    const outcome = this.outcomes[which % Math.max(1, this.outcomes.length)];
    if (outcome === undefined || outcome.ends + outcome.fails > 0) return;
    outcome.fails++;
    outcome.stream!.cancel();
  }

  /** Moves bytes both ways. */
  talks(): void {
    for (let bytes = this.#engine.take(); bytes !== undefined; bytes = this.#engine.take())
      this.socket.receive(Buffer.from(bytes));
    this.hears();
  }

  hears(): void {
    const { written } = this.socket;
    for (; this.#read < written.length; this.#read++) {
      const bytes = Buffer.from(written[this.#read]!);
      this.#engine.receive(bytes, 0, bytes.length, 0);
    }
  }

  leaves(): void {
    this.hears();
    this.#engine.closed();
  }
}

const actions = [
  ...Array<"client sends">(6).fill("client sends"),
  ...Array<"backend answers">(4).fill("backend answers"),
  ...Array<"connect">(2).fill("connect"),
  ...(["refuse", "upstream closes", "fill", "drain", "client fills", "client drains", "cancel"] as const),
  ...(["client ends", "client resets", "tick", "late", "vacate", "drain process"] as const),
] as const;

const step = fc.record({
  what: fc.constantFrom(...actions),
  which: fc.nat(7),
  size: fc.integer({ min: 1, max: 400 }),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** One world, and what can happen in it. */
class World {
  readonly scene: HttpScene;
  readonly people: readonly Http2Person[];
  readonly #wanted: ReadonlyMap<string, Wanted>;
  readonly #backends = new Map<FakeSocket, ScriptedBackend>();

  constructor(scene: HttpScene, clients: readonly (readonly Wanted[])[]) {
    this.scene = scene;
    this.people = clients.map((own) => new Http2Person(scene.accept(), own));
    this.#wanted = new Map(clients.flat().map((one) => [one.id, one]));
  }

  get #dialled(): FakeSocket[] {
    const { dialled } = this.scene.plane;
    for (const socket of dialled)
      if (!this.#backends.has(socket)) this.#backends.set(socket, new ScriptedBackend(socket));
    return dialled;
  }

  take(one: Step): void {
    const sockets = this.#dialled;
    const person = this.people[one.which % this.people.length]!;
    const socket = sockets.at(-1 - (one.which % Math.max(1, Math.min(sockets.length, 4))));
    this.#ofClient(one, person);
    if (socket !== undefined) this.#ofBackend(one, socket, sockets);
    for (const each of this.people) {
      each.talks();
      each.socket.flow();
    }
    this.scene.flush();
    for (const each of this.people) each.talks();
    for (const each of this.#dialled) each.flow();
  }

  #ofClient({ what, which, size }: Step, person: Http2Person): void {
    if (what === "client sends") person.sends(size);
    else if (what === "cancel") person.cancels(which);
    else if (what === "client fills") person.socket.fill();
    else if (what === "client drains") person.socket.drain();
    else if (what === "client ends" && size < 60) person.socket.receiveEnd();
    else if (what === "client resets" && size < 60) person.socket.fail("ECONNRESET");
    else if (what === "tick") this.scene.sweep(0);
    else if (what === "late" && size < 60) this.scene.sweep(size * 3_000);
    else if (what === "vacate") for (const one of this.scene.plane.open) one.vacate(which % 3);
    else if (what === "drain process" && size < 20) Object.assign(this.scene.plane, { isDraining: true });
  }

  #ofBackend({ what, size }: Step, socket: FakeSocket, sockets: readonly FakeSocket[]): void {
    if (what === "connect") for (const each of sockets) each.connect("connect");
    else if (what === "refuse" && socket.connecting) socket.fail("ECONNREFUSED");
    else if (what === "backend answers") {
      for (const each of sockets) if (!each.connecting) this.#backends.get(each)!.answer(this.#wanted, size);
    } else if (what === "upstream closes" && !socket.connecting) socket.receiveEnd();
    else if (what === "fill") socket.fill();
    else if (what === "drain") socket.drain();
  }

  get seen(): string[] {
    return [...this.#backends.values()].flatMap((backend) => backend.seen);
  }
}

test("whatever happens in whatever order: each stream has one answer that is whole, or an error; nothing stays behind", async () => {
  const prepared = await HttpScene.of('[listeners.web.http]\nversions = ["2"]');
  let whole = 0;
  await fc.assert(
    fc.property(
      fc.array(fc.array(request, { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 3 }),
      fc.array(step, { minLength: 10, maxLength: 150 }),
      (clients, steps) => {
        const named = clients.map((own, client) =>
          own.map((one, index): Wanted => ({ ...one, id: `${client}-${index}` })),
        );
        const world = new World(prepared.again(), named);
        for (const one of steps) world.take(one);
        world.scene.finish();
        for (const person of world.people) person.leaves();
        for (const { wanted, status, text, ends, fails } of world.people.flatMap(
          ({ outcomes }) => outcomes,
        )) {
          assert.equal(ends + fails, 1, `${wanted.id} had ${ends} ends and ${fails} errors`);
          if (ends === 0 || status !== 200) continue;
          whole++;
          const expected = wanted.method === "HEAD" ? "" : `answer to ${wanted.id}`;
          if (wanted.answer === "close") assert.ok(expected.startsWith(text));
          else assert.equal(text, expected);
        }
        const { seen } = world;
        for (const path of new Set(seen))
          assert.ok(seen.filter((each) => each === path).length <= 2, `${path} was sent too often`);
      },
    ),
    { numRuns: Number(process.env["RUNS"] ?? 300) },
  );
  assert.ok(whole > 0);
});

test("a connection of a listener that has left chooses no pool behind its last GOAWAY, and ends with its last answer", async () => {
  const prepared = await HttpScene.of('[listeners.web.http]\nversions = ["2"]');
  const wanted: Wanted = { id: "0", method: "GET", body: "none", answer: "length", fault: "" };
  const world = new World(prepared.again(), [[wanted]]);
  const { scene, people } = world;
  const goOn = (what: Step["what"]): void => world.take({ what, which: 0, size: 1_000 });
  for (const what of ["tick", "client sends", "tick", "connect"] as const) goOn(what);
  scene.listener.isRetired = true;
  assert.equal(scene.listener.undecided, 1);
  // It is due to be told within 2 s; the client's engine answers the PING at once.
  goOn("tick");
  scene.sweep(3_000);
  for (let turn = 0; turn < 3; turn++) goOn("tick");
  assert.equal(scene.listener.undecided, 0);
  assert.equal(scene.plane.open.size, 1);
  goOn("backend answers");
  assert.equal(people[0]!.outcomes[0]!.text, "answer to 0");
  assert.ok(people[0]!.socket.writableEnded, "the connection stayed open");
  scene.finish();
});
