import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { isDeepStrictEqual } from "node:util";
import { listen } from "../../src/lib/listen.ts";
import { type KindName, kinds } from "../../src/providers/kubernetes/client/kinds.ts";
import { soon } from "./peer.ts";

/** An object as a test writes it. */
export interface TestObject {
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly [key: string]: unknown;
  };
  readonly [key: string]: unknown;
}

interface Stored extends TestObject {
  readonly status?: unknown;
  readonly metadata: TestObject["metadata"] & {
    readonly uid: string;
    readonly resourceVersion: string;
    readonly generation: number;
  };
}

interface Change {
  readonly version: number;
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  /** `group/plural`. */
  readonly collection: string;
  readonly object: Stored;
}

/** A request that came. */
export interface ServedRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly token: string | undefined;
  readonly body: unknown;
  /** By performance.now(). */
  readonly at: number;
}

/** A misdeed of the server: an answer with a status, none at all, or a late one. */
export type Fault = number | "silent" | Promise<void>;

interface Watch {
  readonly response: ServerResponse;
  readonly select: (object: Stored) => boolean;
  readonly collection: string;
}

const collections: ReadonlyMap<string, string> = new Map([
  ...Object.values(kinds).map(({ group, plural, kind }) => [`${group}/${plural}`, kind] as const),
  ["coordination.k8s.io/v1/leases", "Lease"] as const,
  ["v1/events", "Event"] as const,
]);

/** As much of a Kubernetes API server as umay asks for: lists in pages, watches with bookmarks and an end of history, patches of statuses. */
export class KubernetesServer implements AsyncDisposable {
  readonly requests: ServedRequest[] = [];
  /** What goes wrong with a request; undefined: nothing does. */
  fault: (request: ServedRequest) => Fault | undefined = () => undefined;
  /** Makes of a status that is written what is kept of it. */
  reshape: (status: unknown) => unknown = (status) => status;
  /** Tokens that are good; undefined: everyone is let in. */
  tokens: ReadonlySet<string> | undefined;
  #server: Server = createServer();
  #port = 0;
  readonly #sockets = new Set<Socket>();
  readonly #stored = new Map<string, Map<string, Stored>>();
  readonly #watches = new Set<Watch>();
  #version = 1;
  /** Changes that watches can begin behind. */
  #history: Change[] = [];
  #oldest = 0;
  #woken = Promise.withResolvers<void>();

  static async start(): Promise<KubernetesServer> {
    const server = new KubernetesServer();
    await server.restart();
    return server;
  }

  get port(): number {
    return this.#port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** How many watches are open. */
  get watches(): number {
    return this.#watches.size;
  }

  /** Listens, again on the same port. */
  async restart(): Promise<void> {
    this.#server = createServer((request, response) => void this.#serve(request, response));
    this.#server.on("connection", (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
    });
    await listen(this.#server, { kind: "tcp", host: "127.0.0.1", port: this.#port });
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  /** Ends at once, with all connections. */
  async kill(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
    this.#watches.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }

  /** Makes an object, or changes it. */
  put(kind: KindName, object: TestObject): Stored {
    const { group, plural } = kinds[kind];
    const { status } = this.get(`${group}/${plural}`, keyOf(object)) ?? {};
    return this.#put(`${group}/${plural}`, { ...(status !== undefined && { status }), ...object });
  }

  /** As {@link put}, also for collections that are no kind of umay's. */
  putRaw(collection: string, object: TestObject): Stored {
    return this.#put(collection, object);
  }

  remove(kind: KindName, key: string): void {
    const { group, plural } = kinds[kind];
    const object = this.#of(`${group}/${plural}`).get(key)!;
    this.#of(`${group}/${plural}`).delete(key);
    this.#tell("DELETED", `${group}/${plural}`, object);
  }

  /** @param collection such as `coordination.k8s.io/v1/leases`. */
  get(collection: string, key: string): Stored | undefined {
    return this.#of(collection).get(key);
  }

  all(collection: string): readonly Stored[] {
    return [...this.#of(collection).values()];
  }

  /** The status of an object. */
  status(kind: KindName, key: string): unknown {
    const { group, plural } = kinds[kind];
    return this.get(`${group}/${plural}`, key)?.["status"];
  }

  /** Forgets what has happened: watches from before are too old. */
  compact(): void {
    this.#oldest = this.#version;
    this.#history = [];
  }

  /** Ends every watch in order. */
  endWatches(): void {
    for (const { response } of this.#watches) response.end();
    this.#watches.clear();
  }

  /** Ends every watch with an error of code 410. */
  expireWatches(): void {
    for (const { response } of this.#watches) response.end(gone());
    this.#watches.clear();
  }

  /** Tells every watch of the present version. */
  bookmark(): void {
    for (const { response, collection } of this.#watches)
      response.write(
        line("BOOKMARK", {
          kind: collections.get(collection),
          metadata: { resourceVersion: String(this.#version) },
        }),
      );
  }

  /** Waits until something is so; looks at each request and each change. */
  async until(holds: () => boolean, what: string): Promise<void> {
    const wait = async (): Promise<void> => {
      while (!holds()) await this.#woken.promise;
    };
    await soon(wait(), what);
  }

  #of(collection: string): Map<string, Stored> {
    const found = this.#stored.get(collection) ?? new Map<string, Stored>();
    this.#stored.set(collection, found);
    return found;
  }

  #put(collection: string, object: TestObject): Stored {
    const key = keyOf(object);
    const before = this.#of(collection).get(key);
    const same = before !== undefined && isDeepStrictEqual(before["spec"], object["spec"]);
    const generation = (before?.metadata.generation ?? 0) + (same ? 0 : 1);
    const stored: Stored = {
      ...object,
      kind: collections.get(collection),
      metadata: {
        creationTimestamp: "2026-01-01T00:00:00Z",
        ...object.metadata,
        uid: before?.metadata.uid ?? randomUUID(),
        generation,
        resourceVersion: String(++this.#version),
      },
    };
    this.#of(collection).set(key, stored);
    this.#tell(before === undefined ? "ADDED" : "MODIFIED", collection, stored);
    return stored;
  }

  #tell(type: Change["type"], collection: string, object: Stored): void {
    const version = type === "DELETED" ? ++this.#version : this.#version;
    const now = { ...object, metadata: { ...object.metadata, resourceVersion: String(version) } };
    this.#history.push({ version, type, collection, object: now });
    for (const watch of this.#watches)
      if (watch.collection === collection && watch.select(now)) watch.response.write(line(type, now));
    this.#wake();
  }

  #wake(): void {
    this.#woken.resolve();
    this.#woken = Promise.withResolvers();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = "";
    for await (const part of request) text += String(part);
    const url = new URL(request.url!, "http://server");
    const served: ServedRequest = {
      method: request.method!,
      path: url.pathname,
      query: url.searchParams,
      token: request.headers.authorization?.replace("Bearer ", ""),
      body: text === "" ? undefined : JSON.parse(text),
      at: performance.now(),
    };
    this.requests.push(served);
    this.#wake();
    const fault = this.tokens?.has(served.token ?? "") === false ? 401 : this.fault(served);
    if (fault === "silent") return;
    if (typeof fault === "object") await fault;
    else if (fault !== undefined) {
      answer(response, fault, failure(fault));
      return;
    }
    this.#answer(served, response);
  }

  #answer(request: ServedRequest, response: ServerResponse): void {
    const [, group, namespace, plural, name, part] =
      /^\/(?:api|apis)\/((?:[^/]+\/)?v[^/]+)(?:\/namespaces\/([^/]+)(?=\/.))?\/([^/]+)(?:\/([^/]+))?(?:\/(status))?$/.exec(
        request.path,
      ) ?? [];
    const collection = `${group}/${plural}`;
    if (!collections.has(collection)) {
      answer(response, 404, failure(404));
      return;
    }
    const key = namespace === undefined ? name : `${namespace}/${name}`;
    if (request.method === "POST") {
      this.#create(collection, request, response);
      return;
    }
    if (name !== undefined && key !== undefined) {
      this.#one(collection, key, part, request, response);
      return;
    }
    const select = selectorOf(namespace, request.query.get("fieldSelector"));
    if (request.query.get("watch") === "1") this.#watch(collection, select, request, response);
    else this.#list(collection, select, request, response);
  }

  #create(collection: string, { body }: ServedRequest, response: ServerResponse): void {
    const object = body as TestObject & { readonly metadata: { readonly generateName?: string } };
    const name = object.metadata.name ?? `${object.metadata.generateName}${randomUUID().slice(0, 8)}`;
    const named = { ...object, metadata: { ...object.metadata, name } };
    if (this.#of(collection).has(keyOf(named))) {
      answer(response, 409, failure(409));
      return;
    }
    answer(response, 201, this.#put(collection, named));
  }

  #one(
    collection: string,
    key: string,
    part: string | undefined,
    { method, body }: ServedRequest,
    response: ServerResponse,
  ): void {
    const present = this.#of(collection).get(key);
    if (present === undefined) {
      answer(response, 404, failure(404));
      return;
    }
    if (method === "GET") {
      answer(response, 200, present);
      return;
    }
    const given = body as TestObject;
    const version = given.metadata?.["resourceVersion"];
    if (version !== undefined && version !== present.metadata.resourceVersion) {
      answer(response, 409, failure(409));
      return;
    }
    if (method === "PUT") {
      answer(response, 200, this.#put(collection, given));
      return;
    }
    // Of a patch of the status, only the status counts.
    const status = this.reshape(merged(present.status, given["status"]));
    if (part !== "status") {
      answer(response, 405, failure(405));
      return;
    }
    answer(response, 200, this.#put(collection, { ...present, status }));
  }

  #list(
    collection: string,
    select: Watch["select"],
    { query }: ServedRequest,
    response: ServerResponse,
  ): void {
    const all = [...this.#of(collection).values()].filter(select);
    const [begin, version] = (query.get("continue") ?? `0 ${this.#version}`).split(" ").map(Number);
    if (version! < this.#oldest) {
      answer(response, 410, failure(410));
      return;
    }
    const end = begin! + Number(query.get("limit") ?? all.length);
    const metadata = {
      resourceVersion: String(version),
      ...(end < all.length && { continue: `${end} ${version}` }),
    };
    answer(response, 200, {
      kind: `${collections.get(collection)}List`,
      metadata,
      items: all.slice(begin, end),
    });
  }

  #watch(
    collection: string,
    select: Watch["select"],
    { query }: ServedRequest,
    response: ServerResponse,
  ): void {
    const from = Number(query.get("resourceVersion"));
    response.writeHead(200, { "content-type": "application/json" });
    response.flushHeaders();
    if (from < this.#oldest) {
      response.end(gone());
      return;
    }
    for (const { version, type, collection: of, object } of this.#history)
      if (version > from && of === collection && select(object)) response.write(line(type, object));
    const watch = { response, collection, select };
    this.#watches.add(watch);
    this.#wake();
    response.on("close", () => this.#watches.delete(watch));
  }
}

const keyOf = ({ metadata: { namespace, name } }: TestObject): string =>
  namespace === undefined ? name : `${namespace}/${name}`;

/** Of field selectors, those that umay uses. */
function selectorOf(namespace: string | undefined, fields: string | null): Watch["select"] {
  const notType = /^type!=(.*)$/.exec(fields ?? "")?.[1];
  return (object) =>
    (namespace === undefined || object.metadata.namespace === namespace) &&
    (notType === undefined || object["type"] !== notType);
}

/** As RFC 7386 has it. */
function merged(target: unknown, patch: unknown): unknown {
  if (typeof patch !== "object" || patch === null || Array.isArray(patch)) return patch;
  const result: Record<string, unknown> = { ...(target as object) };
  for (const [key, value] of Object.entries(patch))
    if (value === null) delete result[key];
    else result[key] = merged(result[key], value);
  return result;
}

const line = (type: string, object: unknown): string => `${JSON.stringify({ type, object })}\n`;

const gone = (): string => line("ERROR", failure(410));

const failure = (code: number): object => ({
  kind: "Status",
  status: "Failure",
  code,
  message: `status ${code}`,
});

function answer(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}
