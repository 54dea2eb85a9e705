import assert from "node:assert/strict";
import { openConnections } from "../../src/channel/memory.ts";
import type { AcceptingListener } from "../../src/data/accept/accepting.ts";
import { uncounted } from "../../src/data/accept/addresses.ts";
import { admit } from "../../src/data/accept/admission.ts";
import { Connection } from "../../src/data/accept/connection.ts";
import type { Course, Offer } from "../../src/data/decide/chains.ts";
import { type Greeting, greetingOf } from "../../src/data/decide/greeting.ts";
import type { Chain, Protocol } from "../../src/model/chain.ts";
import type { ListenerTls } from "../../src/model/listener.ts";
import { FakePlane, fakeChain, fakeListener } from "./fake-plane.ts";
import { FakeSocket } from "./fake-socket.ts";
import { lingerToTheEnd } from "./lingering.ts";

/** The treatment that a listener gives its clients. */
export interface Accepting {
  readonly proxyProtocol?: boolean;
  readonly detect?: boolean;
  readonly mode?: "tcp" | "passthrough";
  readonly tls?: boolean;
  /** No certificate covers any name. */
  readonly strictSni?: boolean;
  /** No chain takes anything. */
  readonly refusesAll?: boolean;
  /** No client's certificate passes. */
  readonly refuses?: boolean;
  /** An address that is refused; the others are counted. */
  readonly denies?: string | undefined;
}

const refusal = { result: "client_not_allowed", detail: "" } as const;

/** A listener that terminates TLS by calling everything TLS, and counts the addresses of its clients. */
export class FakeListener implements AcceptingListener {
  readonly definition;
  readonly chains = {
    atHello: (protocol: Protocol, hello: Offer | undefined) => this.#atHello(protocol, hello),
    afterHandshake: (): Chain => ({ ...fakeChain, tls: "terminate", settings: "tls" }),
    tellsApart: () => false,
    looksAtPort: false,
    looksAtEnds: false,
  };
  readonly terminationOf;
  readonly greeting: Greeting;
  readonly secures: boolean;
  readonly namesAddresses = false;
  undecided = 0;
  /** Clients that are counted. */
  places = 0;
  readonly addresses = {
    admit: (address: string) => (address === this.#accepting.denies ? ("denied" as const) : ++this.places),
    release: (place: number) => void (place !== uncounted && this.places--),
  };
  readonly #accepting: Accepting;

  constructor(accepting: Accepting) {
    const { detect = false, mode = "tcp", proxyProtocol, tls, strictSni, refuses } = accepting;
    this.#accepting = accepting;
    this.definition = {
      ...fakeListener,
      detect,
      proxyProtocol: proxyProtocol ? { trust: [], timeout: 1_000 } : undefined,
    };
    const chains = [{ ...fakeChain, tls: mode === "passthrough" ? ("passthrough" as const) : undefined }];
    const settings = tls ? [{ strictSni: strictSni === true } as ListenerTls] : [];
    this.greeting = greetingOf({ detect, chains, tls: settings }, false);
    this.secures = this.greeting.presumes !== "other";
    this.terminationOf = () => ({
      begin: (raw: unknown) => (raw as FakeSocket).secure() as never,
      judge: () => ({ client: "", refusal: refuses ? refusal : undefined }),
      coversApart: () => false,
    });
  }

  decided(): void {
    this.undecided--;
  }

  trusts(): boolean {
    return true;
  }

  #atHello(protocol: Protocol, hello: Offer | undefined): Course {
    const { mode, strictSni, tls, refusesAll } = this.#accepting;
    if (refusesAll) return { ...fakeChain, serve: { kind: "refuse" } };
    if (hello !== undefined && mode === "passthrough") return { ...fakeChain, tls: "passthrough" as const };
    if (protocol !== "tls" || !tls) return fakeChain;
    return hello !== undefined && strictSni ? "unknown_name" : { settings: "tls" };
  }
}

/** Connections of one listener, and which of them were handed on. The test calls `mockLingering`. */
export class ListenerScene {
  readonly plane: FakePlane;
  readonly listener: FakeListener;
  readonly served: Connection<FakeListener>[] = [];
  readonly connections: {
    readonly connection: Connection<FakeListener>;
    readonly socket: FakeSocket;
    readonly tls: FakeSocket | undefined;
  }[] = [];

  constructor(accepting: Accepting, plane: FakePlane = new FakePlane()) {
    this.listener = new FakeListener(accepting);
    this.plane = plane;
  }

  accept() {
    const socket = new FakeSocket();
    const place = admit(this.listener, this.plane, "192.0.2.1")!;
    const serve = (connection: Connection<FakeListener>): void => {
      assert.ok(!this.served.includes(connection), "handed on twice");
      this.served.push(connection);
    };
    const plane = Object.assign(Object.create(this.plane), { serve }) as FakePlane & { serve: typeof serve };
    const connection = new Connection(plane, this.listener, socket.socket, place);
    const accepted = {
      connection,
      socket,
      get tls() {
        return socket.over;
      },
    };
    this.connections.push(accepted);
    return accepted;
  }

  pick(which: number) {
    return this.connections[which % this.connections.length];
  }

  /** The socket that reports: the TLS socket, where there is one. */
  client(which: number): FakeSocket | undefined {
    const picked = this.pick(which);
    return picked?.tls ?? picked?.socket;
  }

  /** The counts fit the state of the connections. */
  check(): void {
    const { plane, listener } = this;
    const undecided = this.connections.filter(
      ({ connection: { phase } }) => !["served", "closed"].includes(phase),
    );
    const closed = this.connections.filter(({ connection: { phase } }) => phase === "closed");
    assert.equal(plane.open.size, undecided.length);
    assert.equal(plane.handshakes[0], listener.secures ? undecided.length : 0);
    const open = this.connections.length - closed.length;
    assert.equal(plane.listenerCount("accepted") - plane.listenerCount("ended"), open);
    const { listenerActive, process, workerOpen } = plane.shared;
    assert.deepEqual([listenerActive[0], process[openConnections], workerOpen[0]], [open, open, open]);
    assert.equal(listener.undecided, open);
    const ends = Object.values(plane.ends).reduce((sum, count) => sum + count, 0);
    assert.deepEqual([ends, plane.lines.length], [closed.length, closed.length]);
    lingerToTheEnd();
    for (const { socket } of closed) assert.ok(socket.destroyed, "a socket was left open");
  }

  /** Ends what is left, and finds nothing left behind. */
  finish(): void {
    for (const { connection } of this.connections) connection.end("stopped");
    this.check();
    for (const connection of this.served) connection.close("client_closed");
    for (const { socket } of this.connections) {
      assert.ok(socket.destroyed, "a socket was left open");
      socket.over?.close();
      socket.close();
    }
    assert.equal(this.plane.listenerCount("ended"), this.connections.length);
    assert.deepEqual([this.plane.open.size, this.plane.handshakes[0], this.listener.places], [0, 0, 0]);
  }
}
