import assert from "node:assert/strict";
import { admit } from "../../src/data/accept/admission.ts";
import { Connection } from "../../src/data/accept/connection.ts";
import { clock } from "../../src/data/clock.ts";
import { indexTable } from "../../src/data/decide/http/routing.ts";
import type { ServedPool } from "../../src/data/dispatch/pool.ts";
import { ServedGuards } from "../../src/data/guard/guards.ts";
import { asking } from "../../src/data/serve/http/ask/asking.ts";
import { Http1Connection } from "../../src/data/serve/http/connection/http1-connection.ts";
import { Http2Connection, speaksHttp2 } from "../../src/data/serve/http/connection/http2-connection.ts";
import { Mirrors } from "../../src/data/serve/http/forward/mirror.ts";
import { HttpFrontend } from "../../src/data/serve/http/frontend.ts";
import type { HttpPlane } from "../../src/data/serve/http/plane.ts";
import { flushAll } from "../../src/data/sockets/flushes.ts";
import { readBuffer } from "../../src/data/sockets/read-buffer.ts";
import { KeptUpstreams } from "../../src/data/upstream/kept.ts";
import { SharedUpstreams } from "../../src/data/upstream/shared.ts";
import type { HttpServe } from "../../src/model/http/front.ts";
import type { ForwardAuth, Guard } from "../../src/model/http/guard.ts";
import type { Processor } from "../../src/model/http/processing.ts";
import type { HttpRoute, HttpRouteTable } from "../../src/model/http/route.ts";
import type { PlacedPool } from "../../src/model/snapshot.ts";
import { loadHttp } from "../providers/toml/http/loading.ts";
import { type Accepting, FakeListener } from "./fake-listener.ts";
import { FakePlane, fakeBackends, fakeChain } from "./fake-plane.ts";
import { FakeSocket } from "./fake-socket.ts";
import { lingerToTheEnd, mockLingering } from "./lingering.ts";
import { placedGuard } from "./placed-guard.ts";

mockLingering();

const base = `[listeners.web]
bind = "127.0.0.1:8080"
mode = "http"
pool = "app"
[pools.app.discovery]
type = "static"
backends = ["127.0.0.1:80"]
`;

/** A listener whose every pool is the one of the scene. */
class HttpFakeListener extends FakeListener {
  readonly pool: ServedPool;
  isRetired = false;

  constructor(accepting: Accepting, pool: ServedPool) {
    super(accepting);
    this.pool = pool;
  }

  poolNamed(): ServedPool {
    return this.pool;
  }
}

export interface HttpSettings extends Accepting {
  readonly pool?: Partial<PlacedPool>;
  /** How many backends the pool has, at most 3. */
  readonly backends?: number;
  /** Further keys of the listener. */
  readonly listener?: string;
  /** The guards that routes with `auth` have to pass. */
  readonly guards?: HttpPlane["guards"];
  /** Parts of all routes that TOML has no words for. */
  readonly route?: Partial<HttpRoute>;
}

const withRoute = (table: HttpRouteTable, parts: Partial<HttpRoute> = {}): HttpRouteTable => ({
  ...table,
  hosts: table.hosts.map((host) => ({
    ...host,
    rules: host.rules.map(({ match, route }) => ({ match, route: { ...route, ...parts } })),
  })),
});

/** The line of a request in the log. */
export interface RequestLine {
  readonly reason: string;
  readonly status: number;
  readonly path?: string;
  readonly method?: string;
  readonly detail?: string;
  readonly attempts?: readonly { readonly error?: string; readonly backend?: string }[];
  readonly requests?: number;
}

/** A worker that speaks HTTP/1 with clients and backends, none of which has a network. */
export class HttpScene {
  readonly plane: FakePlane & HttpPlane;
  readonly listener: HttpFakeListener;
  readonly pool: ServedPool;
  readonly frontend: HttpFrontend;
  readonly clients: FakeSocket[] = [];

  readonly #settings: HttpSettings;
  readonly #guards: readonly Guard[];

  private constructor(frontend: HttpFrontend, settings: HttpSettings, defined: readonly Guard[]) {
    this.#settings = settings;
    this.#guards = defined;
    // It stands still until somebody sweeps, and modules may have taken long to load.
    clock.now = performance.now();
    const fake = new FakePlane();
    const forward = (guard: ForwardAuth | Processor) => asking(guard, this.plane);
    const { logger, shared } = fake;
    const served = new ServedGuards(fake, { shared, logger, forward, worker: 1, passed: () => {} });
    const { guards = served } = settings;
    const plane = Object.assign(fake, {
      kept: new KeptUpstreams(fake),
      sharedUpstreams: new SharedUpstreams(fake.dial, fake),
      guards,
      mirrors: new Mirrors(),
      load: { share: 0, isHeapShort: false },
      isDraining: false,
    });
    this.plane = plane;
    for (const [slot, guard] of defined.entries()) served.prepare(placedGuard(guard, slot))();
    this.pool = plane.pool({
      maxConnectionsPerBackend: undefined,
      backends: fakeBackends.slice(0, settings.backends ?? 3),
      ...settings.pool,
    });
    this.listener = new HttpFakeListener(settings, this.pool);
    this.frontend = frontend;
  }

  /** @param toml further tables of a configuration whose listener is `web`. */
  static async of(toml = "", settings: HttpSettings = {}): Promise<HttpScene> {
    const { model, lines } = await loadHttp(
      `${base.replace("[pools", `${settings.listener ?? ""}\n[pools`)}${toml}`,
    );
    assert.ok(model, lines.join("\n"));
    const serve = model.listeners[0]!.chains[0]!.serve as HttpServe;
    const tables = new Map<string, Awaited<ReturnType<typeof indexTable>>>();
    for (const table of model.routeTables)
      tables.set(table.name, await indexTable(withRoute(table, settings.route)));
    const guards = model.routeTables.flatMap((table) => table.guards);
    return new HttpScene(new HttpFrontend(serve, tables), settings, guards);
  }

  /** The same with nothing in it. */
  again(changes: HttpSettings = {}): HttpScene {
    return new HttpScene(this.frontend, { ...this.#settings, ...changes }, this.#guards);
  }

  accept(): FakeSocket {
    const raw = new FakeSocket();
    const place = admit(this.listener, this.plane, "192.0.2.1")!;
    const { plane: shared, frontend } = this;
    const serve = (connection: Connection<HttpFakeListener>): void => {
      if (speaksHttp2(connection, frontend.front))
        new Http2Connection(shared, connection, fakeChain, frontend);
      else new Http1Connection(shared, connection, fakeChain, frontend);
    };
    const plane = Object.assign(Object.create(this.plane), { serve }) as FakePlane & { serve: typeof serve };
    new Connection(plane, this.listener, raw.socket, place);
    this.clients.push(raw);
    return raw.over ?? raw;
  }

  /** The newest socket to a backend, connected. */
  backend(): FakeBackend {
    const socket = this.plane.dialled.at(-1);
    assert.ok(socket, "no backend was dialled");
    socket.connect("connect");
    return new FakeBackend(socket);
  }

  /** A tick of the sweep, as if so many milliseconds had passed. */
  sweep(later: number): void {
    const now = performance.now() + later;
    for (const one of this.plane.open) one.endIfOverdue(now);
    this.plane.mirrors.endIfOverdue(now);
    this.plane.kept.endIfOverdue(now);
    this.plane.sharedUpstreams.endIfOverdue(now);
  }

  /** The end of a turn of the event loop: connections of HTTP/2 write. */
  flush(): void {
    flushAll();
  }

  get requests(): readonly RequestLine[] {
    const lines = this.plane.lines as unknown as RequestLine[];
    return lines.filter(({ status }) => status !== undefined);
  }

  /** Ends what is left, and finds nothing left behind. */
  finish(): void {
    for (const one of this.plane.open) one.end("stopped");
    for (const socket of this.clients) (socket.over ?? socket).drain();
    lingerToTheEnd();
    this.plane.mirrors.close();
    this.plane.kept.close();
    this.plane.sharedUpstreams.close();
    assert.equal(this.plane.open.size, 0);
    this.plane.isEmpty();
    assert.equal(this.plane.listenerCount("accepted") - this.plane.listenerCount("ended"), 0);
    assert.equal(this.listener.undecided, 0);
    for (const socket of this.clients) assert.ok(socket.destroyed, "a client's socket was left open");
    clock.now = performance.now();
  }
}

/** The bytes that a socket got, as text. */
export const writtenTo = (socket: FakeSocket): string => Buffer.concat(socket.written).toString("latin1");

/** The other end of a connection to a backend. */
export class FakeBackend {
  readonly socket: FakeSocket;

  constructor(socket: FakeSocket) {
    this.socket = socket;
  }

  get got(): string {
    return writtenTo(this.socket);
  }

  /** Sends through the worker's one read buffer, which is overwritten after it. @returns whether more is read. */
  send(text: string): boolean {
    if (this.socket.destroyed || this.socket.readableEnded) return false;
    const length = readBuffer.write(text, 0, "latin1");
    const { owner } = this.socket as unknown as {
      owner: { upstreamBytes(length: number, from: Uint8Array): boolean };
    };
    const accepts = owner.upstreamBytes(length, readBuffer);
    if (!accepts) this.socket.pause();
    readBuffer.fill(0x58, 0, length);
    return accepts;
  }

  end(): void {
    this.socket.receiveEnd();
  }
}
