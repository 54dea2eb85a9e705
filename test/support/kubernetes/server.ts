import { randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { listen } from "../../../src/lib/listen.ts";
import { type KindName, kinds } from "../../../src/providers/kubernetes/client/kinds.ts";
import { soon } from "../peer.ts";
import { discoveryAt, ownResources, type Resource } from "./resources.ts";
import { type Change, keyOf, merged, ObjectStore, type Stored, type TestObject } from "./store.ts";

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

/** A misdeed of the server: an answer with a status, none at all, a closed connection, or a late one. */
export type Fault = number | "silent" | "closed" | Promise<void>;

interface Watch {
  readonly response: ServerResponse;
  readonly select: (object: Stored) => boolean;
  readonly place: Place;
}

/** The part of a request's path that names something. */
interface Place {
  readonly resource: Resource;
  /** `group/plural`. */
  readonly collection: string;
  readonly namespace: string | undefined;
  readonly key: string | undefined;
  readonly part: string | undefined;
}

export interface ServerOptions {
  readonly port?: number;
  readonly resources?: readonly Resource[];
  /** Makes of an object that is written what is kept of it. */
  readonly completed?: (object: TestObject, resource: Resource) => TestObject;
  /** The output of a pod's program. */
  readonly logOf?: (namespace: string, pod: string) => string | undefined;
}

/**
 * As much of a Kubernetes API server as is needed to follow and to change objects: lists in pages, watches with bookmarks and
 * an end of history, merge patches, statuses apart from the rest. It checks nothing.
 */
export class KubernetesServer implements AsyncDisposable {
  readonly requests: ServedRequest[] = [];
  /** The fault that a request meets; undefined: none. */
  fault: (request: ServedRequest) => Fault | undefined = () => undefined;
  /** Makes of a status that is written what is kept of it. */
  reshape: (status: unknown) => unknown = (status) => status;
  /** Tokens that are good; undefined: everyone is let in. */
  tokens: ReadonlySet<string> | undefined;
  /** Whether requests are kept, for a test to look at. */
  notes = true;
  readonly #options: ServerOptions;
  readonly #resources: ReadonlyMap<string, Resource>;
  readonly #store = new ObjectStore((change) => this.#tell(change));
  #server: Server = createServer();
  #port: number;
  readonly #sockets = new Set<Socket>();
  readonly #watches = new Set<Watch>();
  #woken = Promise.withResolvers<void>();

  static async start(options: ServerOptions = {}): Promise<KubernetesServer> {
    const server = new KubernetesServer(options);
    await server.restart();
    return server;
  }

  private constructor(options: ServerOptions) {
    this.#options = options;
    this.#port = options.port ?? 0;
    const resources = options.resources ?? ownResources;
    this.#resources = new Map(
      resources.map((resource) => [`${resource.group}/${resource.plural}`, resource]),
    );
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
    this.#server = createServer({ keepAliveTimeout: 180_000 }, (request, response) => {
      void this.#serve(request, response);
    });
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

  /** Makes an object, or changes it. Without a status of its own it keeps the one that it has. */
  put(kind: KindName, object: TestObject): Stored {
    const { group, plural } = kinds[kind];
    return this.putRaw(`${group}/${plural}`, object);
  }

  /** As {@link put}. @param collection such as `coordination.k8s.io/v1/leases`. */
  putRaw(collection: string, object: TestObject): Stored {
    const { status } = this.get(collection, keyOf(object)) ?? {};
    return this.#put(collection, { ...(status !== undefined && { status }), ...object });
  }

  remove(kind: KindName, key: string): void {
    const { group, plural } = kinds[kind];
    this.#store.remove(`${group}/${plural}`, key);
  }

  get(collection: string, key: string): Stored | undefined {
    return this.#store.of(collection).get(key);
  }

  /** The status of an object. */
  status(kind: KindName, key: string): unknown {
    const { group, plural } = kinds[kind];
    return this.get(`${group}/${plural}`, key)?.status;
  }

  /** Forgets what has happened: watches from before are too old. */
  compact(): void {
    this.#store.oldest = this.#store.version;
    this.#store.history = [];
  }

  /** Ends every watch in order. */
  endWatches(): void {
    for (const { response } of this.#watches) response.end();
    this.#watches.clear();
  }

  /** Ends every watch with an error of code 410. */
  expireWatches(): void {
    for (const { response } of this.#watches) response.end(line("ERROR", failure(410)));
    this.#watches.clear();
  }

  /** Tells every watch of the present version. */
  bookmark(): void {
    const metadata = { resourceVersion: String(this.#store.version) };
    for (const { response, place } of this.#watches)
      response.write(line("BOOKMARK", named({ metadata }, place.resource)));
  }

  /** Waits until something is so; looks at each request and each change. */
  async until(holds: () => boolean, what: string): Promise<void> {
    const wait = async (): Promise<void> => {
      while (!holds()) await this.#woken.promise;
    };
    await soon(wait(), what);
  }

  #put(collection: string, object: TestObject): Stored {
    const resource = this.#resources.get(collection)!;
    return this.#store.put(collection, this.#options.completed?.(object, resource) ?? object);
  }

  #tell({ type, collection, object }: Change): void {
    for (const { place, select, response } of this.#watches)
      if (place.collection === collection && select(object))
        response.write(line(type, named(object, place.resource)));
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
    if (this.notes) this.requests.push(served);
    this.#wake();
    const fault = this.tokens?.has(served.token ?? "") === false ? 401 : this.fault(served);
    if (fault === "closed") request.socket.destroy();
    if (fault === "silent" || fault === "closed") return;
    if (typeof fault === "number") answer(response, fault, failure(fault));
    else {
      await fault;
      this.#answer(served, response);
    }
  }

  #answer(request: ServedRequest, response: ServerResponse): void {
    const place = this.#placeOf(request.path);
    if (place === undefined) {
      const document = discoveryAt(request.path, [...this.#resources.values()]);
      answer(response, document === undefined ? 404 : 200, document ?? failure(404));
    } else if (place.part === "log") {
      const [namespace = "", pod = ""] = place.key!.split("/");
      response.end(this.#options.logOf?.(namespace, pod) ?? "");
    } else if (place.key !== undefined) this.#one(place, place.key, request, response);
    else if (request.method === "POST") this.#create(place, request, response);
    else if (request.query.has("watch") && request.query.get("watch") !== "false")
      this.#watch(place, request, response);
    else this.#list(place, request, response);
  }

  #placeOf(path: string): Place | undefined {
    const [, group, namespace, plural, name, part] =
      /^\/(?:api|apis)\/((?:[^/]+\/)?v[^/]+)(?:\/namespaces\/([^/]+)(?=\/.))?\/([^/]+)(?:\/([^/]+))?(?:\/(status|log))?$/.exec(
        path,
      ) ?? [];
    const collection = `${group}/${plural}`;
    const resource = this.#resources.get(collection);
    if (resource === undefined) return undefined;
    const key = namespace === undefined || name === undefined ? name : `${namespace}/${name}`;
    return { resource, collection, namespace, key, part };
  }

  #create(
    { collection, resource, namespace }: Place,
    { body }: ServedRequest,
    response: ServerResponse,
  ): void {
    const { status: _, ...object } = body as TestObject & {
      readonly metadata: { readonly generateName?: string };
    };
    const { name = `${object.metadata.generateName}${randomUUID().slice(0, 8)}` } = object.metadata;
    const metadata = { ...object.metadata, name, ...(namespace !== undefined && { namespace }) };
    const whole = { ...object, metadata };
    if (this.#store.of(collection).has(keyOf(whole))) answer(response, 409, failure(409, "AlreadyExists"));
    else answer(response, 201, named(this.#put(collection, whole), resource));
  }

  #one(
    { collection, resource, part }: Place,
    key: string,
    { method, body }: ServedRequest,
    response: ServerResponse,
  ): void {
    const present = this.#store.of(collection).get(key);
    if (present === undefined) {
      answer(response, 404, failure(404));
      return;
    }
    if (method === "GET" || method === "DELETE") {
      if (method === "DELETE") this.#store.remove(collection, key);
      answer(response, 200, named(present, resource));
      return;
    }
    const given = body as TestObject;
    const version = given.metadata?.["resourceVersion"];
    if (version !== undefined && version !== present.metadata.resourceVersion) {
      answer(response, 409, failure(409, "Conflict"));
      return;
    }
    const next = (method === "PATCH" ? merged(present, given) : given) as TestObject;
    const { status: _, ...rest } = next;
    const wanted =
      part === "status"
        ? { ...present, status: this.reshape(next.status) }
        : { ...rest, ...(present.status !== undefined && { status: present.status }) };
    answer(response, 200, named(this.#put(collection, wanted), resource));
  }

  #list(place: Place, { query }: ServedRequest, response: ServerResponse): void {
    const all = [...this.#store.of(place.collection).values()].filter(selectorOf(place, query));
    const [begin, version] = (query.get("continue") ?? `0 ${this.#store.version}`).split(" ").map(Number);
    if (version! < this.#store.oldest) {
      answer(response, 410, failure(410));
      return;
    }
    const end = begin! + Number(query.get("limit") ?? all.length);
    const metadata = {
      resourceVersion: String(version),
      ...(end < all.length && { continue: `${end} ${version}` }),
    };
    const { group: apiVersion, kind } = place.resource;
    const items = all.slice(begin, end).map((object) => named(object, place.resource));
    answer(response, 200, { apiVersion, kind: `${kind}List`, metadata, items });
  }

  #watch(place: Place, { query }: ServedRequest, response: ServerResponse): void {
    const from = Number(query.get("resourceVersion"));
    const select = selectorOf(place, query);
    response.writeHead(200, { "content-type": "application/json" });
    response.flushHeaders();
    const { history, oldest } = this.#store;
    if (from < oldest) {
      response.end(line("ERROR", failure(410)));
      return;
    }
    for (const { version, type, collection, object } of history)
      if (version > from && collection === place.collection && select(object))
        response.write(line(type, named(object, place.resource)));
    const watch = { response, place, select };
    this.#watches.add(watch);
    this.#wake();
    response.on("close", () => this.#watches.delete(watch));
  }
}

/** Of selectors, those that clients of tests use. */
function selectorOf({ namespace }: Place, query: URLSearchParams): Watch["select"] {
  const notType = /^type!=(.*)$/.exec(query.get("fieldSelector") ?? "")?.[1];
  const labels = (query.get("labelSelector") ?? "").split(",").filter((text) => text.includes("="));
  return ({ metadata, ...object }) => {
    const own = metadata["labels"] as Readonly<Record<string, string>> | undefined;
    return (
      (namespace === undefined || metadata.namespace === namespace) &&
      (notType === undefined || object["type"] !== notType) &&
      labels.map((text) => text.split(/==?/)).every(([key, value]) => own?.[key!] === value)
    );
  };
}

const named = (object: object, { group, kind }: Resource): object => ({ ...object, apiVersion: group, kind });

const line = (type: string, object: unknown): string => `${JSON.stringify({ type, object })}\n`;

const reasons: Readonly<Record<number, string>> = { 404: "NotFound", 410: "Expired" };

const failure = (code: number, reason = reasons[code] ?? ""): object => ({
  apiVersion: "v1",
  kind: "Status",
  status: "Failure",
  code,
  reason,
  message: `status ${code}`,
});

function answer(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}
