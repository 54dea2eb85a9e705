import assert from "node:assert/strict";
import fc from "fast-check";
import { ClientConnection } from "../../src/http/http2/client-connection.ts";
import type { ClientStream, ResponseUser } from "../../src/http/http2/client-stream.ts";
import { backendSideLimits } from "../../src/http/http2/limits.ts";
import type { RequestHead, ResponseHead } from "../../src/http/message.ts";
import { readFields } from "../../src/http/scan.ts";
import type { FakeSocket } from "./fake-socket.ts";
import type { HttpScene } from "./http-scene.ts";
import { request, type Wanted } from "./scripted-backend.ts";

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

/** The outcome of one request of a client. */
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
export class Http2Person {
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

/** The requests of each of some clients, with names of their own. */
export const clients = fc
  .array(fc.array(request, { minLength: 1, maxLength: 6 }), { minLength: 1, maxLength: 3 })
  .map((all) =>
    all.map((own, client) => own.map((one, index): Wanted => ({ ...one, id: `${client}-${index}` }))),
  );

const actions = [
  ...Array<"client sends">(6).fill("client sends"),
  ...Array<"backend answers">(4).fill("backend answers"),
  ...Array<"connect">(2).fill("connect"),
  ...([
    "refuse",
    "upstream leaves",
    "upstream closes",
    "fill",
    "drain",
    "client fills",
    "client drains",
    "cancel",
  ] as const),
  ...(["client ends", "client resets", "tick", "late", "vacate", "drain process"] as const),
] as const;

export const step = fc.record({
  what: fc.constantFrom(...actions),
  which: fc.nat(7),
  size: fc.integer({ min: 1, max: 400 }),
});
export type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** A backend that answers requests as each of them wants it. */
export interface ActingBackend {
  /** The paths of the requests that it took. */
  readonly seen: readonly string[];
  /** Sends so many bytes of what it has to say, or as much as fits. */
  answer(wanted: ReadonlyMap<string, Wanted>, size: number): void;
  /** Moves bytes both ways. */
  talk?(): void;
  /** Wants no more requests. */
  leave?(): void;
}

/** One world, and what can happen in it. */
export class World {
  readonly scene: HttpScene;
  readonly people: readonly Http2Person[];
  readonly #wanted: ReadonlyMap<string, Wanted>;
  readonly #backends = new Map<FakeSocket, ActingBackend>();
  readonly #backendOn: (socket: FakeSocket) => ActingBackend;

  constructor(
    scene: HttpScene,
    clients: readonly (readonly Wanted[])[],
    backendOn: (socket: FakeSocket) => ActingBackend,
  ) {
    this.scene = scene;
    this.#backendOn = backendOn;
    this.people = clients.map((own) => new Http2Person(scene.accept(), own));
    this.#wanted = new Map(clients.flat().map((one) => [one.id, one]));
  }

  get #dialled(): FakeSocket[] {
    const { dialled } = this.scene.plane;
    for (const socket of dialled)
      if (!this.#backends.has(socket)) this.#backends.set(socket, this.#backendOn(socket));
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
    for (const each of this.#dialled) {
      if (!each.connecting) this.#backends.get(each)!.talk?.();
      each.flow();
    }
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
    } else if (what === "upstream leaves" && !socket.connecting) this.#backends.get(socket)!.leave?.();
    else if (what === "upstream closes" && !socket.connecting) socket.receiveEnd();
    else if (what === "fill") socket.fill();
    else if (what === "drain") socket.drain();
  }

  /**
   * Everybody leaves. Each request has ended once, and each answer of status 200 is its own, and whole.
   * @param mayBeCut whether the end of such an answer can't be told from its being cut off.
   * @returns how many answers are whole.
   */
  end(mayBeCut: (wanted: Wanted) => boolean = () => false): number {
    this.scene.finish();
    for (const person of this.people) person.leaves();
    let whole = 0;
    for (const { wanted, status, text, ends, fails } of this.people.flatMap(({ outcomes }) => outcomes)) {
      assert.equal(ends + fails, 1, `${wanted.id} had ${ends} ends and ${fails} errors`);
      if (ends === 0 || status !== 200) continue;
      whole++;
      const expected = wanted.method === "HEAD" ? "" : `answer to ${wanted.id}`;
      if (mayBeCut(wanted)) assert.ok(expected.startsWith(text));
      else assert.equal(text, expected);
    }
    return whole;
  }

  /** The paths of the requests that backends took. */
  get seen(): string[] {
    return [...this.#backends.values()].flatMap((backend) => backend.seen);
  }
}
