import type { Duplex } from "node:stream";
import { backoff } from "../../lib/backoff.ts";
import { type Message, openAny, readWire, writeWire } from "../envoy/read/wire.ts";
import { messageType, nameOfAny } from "../envoy/schema/registry.ts";
import type { ProviderLogger } from "../provider.ts";
import { GrpcStream } from "./grpc-stream.ts";
import { type Judge, type Kind, kindNames, kinds, type Received, Resources } from "./resources.ts";

/** A control plane. */
export interface ControlPlaneAddress {
  /** For the log. */
  readonly name: string;
  readonly authority: string;
  readonly dial: () => Duplex;
}

export interface ClientOptions {
  /** Tried in turn. At least one. */
  readonly servers: readonly ControlPlaneAddress[];
  /** Changes alone, or the state of the world. */
  readonly protocol: "delta" | "sotw";
  /** The message `envoy.config.core.v3.Node`. */
  readonly node: Message;
  readonly judge: Judge;
  /** Names of a kind that are asked for beside what is asked for anyway. */
  readonly wanted: (kind: Kind, resources: ReadonlyMap<Kind, Resources>) => ReadonlySet<string>;
  /** Something else is to be served. */
  readonly changed: () => void;
  /** Undefined: nothing is logged. */
  readonly logger?: ProviderLogger | undefined;
  readonly random?: () => number;
}

/** Wait for the next try to connect, and for the next refusal of a kind, in milliseconds: from the first, doubled up to the last. */
const waits = { reconnect: [500, 30_000], refusal: [1_000, 30_000] } as const;

const methods = { delta: "DeltaAggregatedResources", sotw: "StreamAggregatedResources" } as const;
const service = "/envoy.service.discovery.v3.AggregatedDiscoveryService";

/** Where the exchange about a kind stands, on the present stream. */
interface Exchange {
  nonce: string;
  /** The version of the last response that was good, of the state of the world. */
  version: string;
  /** Names that the stream asks for. */
  asked: ReadonlySet<string>;
  begun: boolean;
  /** A refusal that is held back. */
  held: NodeJS.Timeout | undefined;
}

/**
 * Asks a control plane for all that is to be served, over one stream (ADS). Good resources of a response are taken, bad ones
 * are refused by name and stay at their last good version. When the control plane is away, the last good state is served.
 */
export class AdsClient {
  readonly resources: ReadonlyMap<Kind, Resources> = new Map(
    kindNames.map((kind) => [kind, new Resources(kind)]),
  );
  readonly #options: ClientOptions;
  readonly #exchanges = new Map<Kind, Exchange>();
  /** How often in a row a kind was refused: over reconnects, too. */
  readonly #refusals = new Map<Kind, number>();
  #stream: GrpcStream | undefined;
  #again: NodeJS.Timeout | undefined;
  #tries = 0;
  #next = 0;
  #stopped = false;
  #latest: Promise<void> = Promise.resolve();
  readonly #complete = Promise.withResolvers<void>();

  constructor(options: ClientOptions) {
    this.#options = options;
  }

  /** Resolves when everything that was asked for has been answered once. */
  get complete(): Promise<void> {
    return this.#complete.promise;
  }

  start(): void {
    if (this.#stream === undefined && !this.#stopped) this.#connect();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#again);
    this.#forgetStream();
  }

  #connect(): void {
    const { servers, protocol, logger } = this.#options;
    const server = servers[this.#next % servers.length]!;
    this.#next++;
    this.#stream = new GrpcStream(server.dial, server.authority, `${service}/${methods[protocol]}`, {
      opened: () => {
        logger?.info({ server: server.name }, "connected to a control plane");
        for (const kind of kindNames) this.#ask(kind);
      },
      message: (bytes) => this.#inTurn(bytes),
      ended: (reason) => this.#ended(server.name, reason),
    });
  }

  /** Messages are judged one after the other; those of a stream that has ended are not answered. */
  #inTurn(bytes: Buffer): void {
    const stream = this.#stream;
    this.#latest = this.#latest.then(async () => {
      if (stream !== undefined && stream === this.#stream) await this.#message(bytes);
    });
  }

  #forgetStream(): void {
    this.#stream?.close();
    this.#stream = undefined;
    for (const { held } of this.#exchanges.values()) clearTimeout(held);
    this.#exchanges.clear();
  }

  #ended(server: string, reason: string): void {
    this.#forgetStream();
    if (this.#stopped) return;
    const wait = backoff(waits.reconnect, this.#tries++, this.#options.random);
    this.#options.logger?.warn(
      { server, again_in_ms: wait },
      `a control plane is away: ${reason}; what is there is served on`,
    );
    this.#again = setTimeout(() => this.#connect(), wait);
  }

  /** Asks for a kind, or for other names of it than before. */
  #ask(kind: Kind): void {
    const resources = this.resources.get(kind)!;
    const { wildcard, type } = kinds[kind];
    resources.wanted = wildcard ? new Set() : this.#options.wanted(kind, this.resources);
    // The next one begins with all that is wanted.
    if (this.#stream === undefined) return;
    const exchange = this.#exchanges.get(kind) ?? {
      nonce: "",
      version: "",
      asked: new Set<string>(),
      begun: false,
      held: undefined,
    };
    this.#exchanges.set(kind, exchange);
    if (!wildcard && resources.wanted.size === 0 && !exchange.begun) return;
    const more = [...resources.wanted].filter((name) => !exchange.asked.has(name));
    const less = [...exchange.asked].filter((name) => !resources.wanted.has(name));
    if (exchange.begun && more.length === 0 && less.length === 0) return;
    const first = !exchange.begun;
    exchange.begun = true;
    exchange.asked = resources.wanted;
    resources.remove(less);
    if (this.#options.protocol === "sotw") {
      this.#sendWorld(kind, exchange, undefined);
      return;
    }
    const known = [...resources.good].filter(([name]) => !resources.refused.has(name));
    this.#send("envoy.service.discovery.v3.DeltaDiscoveryRequest", {
      node: this.#options.node,
      type_url: `type.googleapis.com/${type}`,
      resource_names_subscribe: more,
      resource_names_unsubscribe: less,
      ...(first && {
        initial_resource_versions: Object.fromEntries(known.map(([name, { version }]) => [name, version])),
      }),
    });
  }

  #sendWorld(kind: Kind, { version, nonce, asked }: Exchange, refusal: string | undefined): void {
    this.#send("envoy.service.discovery.v3.DiscoveryRequest", {
      version_info: version,
      node: this.#options.node,
      resource_names: [...asked],
      type_url: `type.googleapis.com/${kinds[kind].type}`,
      response_nonce: nonce,
      error_detail: statusOf(refusal),
    });
  }

  #send(type: string, message: Message): void {
    this.#stream?.send(writeWire(messageType(type), message));
  }

  async #message(bytes: Buffer): Promise<void> {
    try {
      if (this.#options.protocol === "delta") await this.#takeDelta(bytes);
      else await this.#takeWorld(bytes);
    } catch (error) {
      this.#options.logger?.warn({ err: error }, "a message of the control plane can't be read");
    }
  }

  async #takeDelta(bytes: Buffer): Promise<void> {
    const response = readWire(
      messageType("envoy.service.discovery.v3.DeltaDiscoveryResponse"),
      bytes,
      [],
      () => {},
    );
    const kind = kindOf(response.text("type_url"));
    if (kind === undefined) return;
    const received = response.nodes("resources").map((each): Received => {
      const { value } = openAny(each.bytes("resource") ?? Buffer.alloc(0));
      return { name: each.text("name"), version: each.text("version"), bytes: value };
    });
    const resources = this.resources.get(kind)!;
    const exchange = this.#exchanges.get(kind);
    const { refusals, changed } = await resources.take(received, this.#options.judge);
    const removed = resources.remove(response.texts("removed_resources"));
    this.#answer(kind, exchange, response.text("nonce"), refusals, (refusal) => {
      this.#send("envoy.service.discovery.v3.DeltaDiscoveryRequest", {
        type_url: response.text("type_url"),
        response_nonce: response.text("nonce"),
        error_detail: statusOf(refusal),
      });
    });
    this.#follow(changed || removed);
  }

  async #takeWorld(bytes: Buffer): Promise<void> {
    const response = readWire(
      messageType("envoy.service.discovery.v3.DiscoveryResponse"),
      bytes,
      [],
      () => {},
    );
    const kind = kindOf(response.text("type_url"));
    if (kind === undefined) return;
    const version = response.text("version_info");
    const received = response.blocks("resources").map((block): Received => {
      const { value } = openAny(block);
      return { name: nameIn(kind, value), version, bytes: value };
    });
    const resources = this.resources.get(kind)!;
    const exchange = this.#exchanges.get(kind);
    const { refusals, changed } = await resources.take(received, this.#options.judge);
    // Of listeners and clusters a response has all there are; what is only bad is still there.
    const named = new Set(received.map(({ name }) => name));
    const gone = kinds[kind].wildcard ? [...resources.good.keys()].filter((name) => !named.has(name)) : [];
    const removed = resources.remove(gone);
    if (exchange !== undefined && refusals.length === 0) exchange.version = version;
    this.#answer(
      kind,
      exchange,
      response.text("nonce"),
      refusals,
      (refusal) => exchange && this.#sendWorld(kind, exchange, refusal),
    );
    this.#follow(changed || removed);
  }

  /**
   * ACK at once; a refusal is held back, because a control plane may send the same at once again. Where the stream of the
   * exchange has ended meanwhile there is nobody to answer.
   */
  #answer(
    kind: Kind,
    exchange: Exchange | undefined,
    nonce: string,
    refusals: readonly string[],
    send: (refusal: string | undefined) => void,
  ): void {
    this.#tries = 0;
    if (exchange === undefined || exchange !== this.#exchanges.get(kind)) return;
    clearTimeout(exchange.held);
    exchange.nonce = nonce;
    if (refusals.length === 0) {
      this.#refusals.delete(kind);
      send(undefined);
      return;
    }
    const count = this.#refusals.get(kind) ?? 0;
    this.#refusals.set(kind, count + 1);
    const refusal = refusals.join("; ").slice(0, 4_096);
    this.#options.logger?.warn(
      { kind, refusal },
      "resources of the control plane are refused; their last good version is served on",
    );
    if (count === 0) send(refusal);
    else
      exchange.held = setTimeout(
        () => send(refusal),
        backoff(waits.refusal, count - 1, this.#options.random),
      );
  }

  /** Resources that came may name others. */
  #follow(changed: boolean): void {
    for (const kind of kindNames) if (!kinds[kind].wildcard) this.#ask(kind);
    if ([...this.resources.values()].every(({ complete }) => complete)) this.#complete.resolve();
    if (changed && !this.#stopped) this.#options.changed();
  }
}

/** INVALID_ARGUMENT of gRPC. */
const statusOf = (refusal: string | undefined): Message | undefined =>
  refusal === undefined ? undefined : { code: 3, message: refusal };

function kindOf(url: string): Kind | undefined {
  return kindNames.find((kind) => kinds[kind].type === nameOfAny(url));
}

/** The name in a resource; empty where its bytes can't be read, for which it is refused then. */
function nameIn(kind: Kind, bytes: Uint8Array): string {
  try {
    return readWire(messageType(kinds[kind].type), bytes, [], () => {}).text(kinds[kind].name);
  } catch {
    return "";
  }
}
