import type { Duplex } from "node:stream";
import { backoff } from "../../lib/backoff.ts";
import type { Message } from "../envoy/read/wire.ts";
import type { ProviderLogger } from "../provider.ts";
import { type Carrier, type CarrierEvents, takeAgain } from "./carrier.ts";
import { GrpcStream } from "./grpc-stream.ts";
import { type Protocol, type Response, readResponse, writeDelta, writeWorld } from "./messages.ts";
import { type Change, type Judge, type Kind, kinds, type Received, Resources } from "./resources.ts";

/** A server of a control plane. */
export interface ControlPlaneAddress {
  /** For the log. */
  readonly name: string;
  readonly authority: string;
  /** Makes a connection, which need not be made yet. Rejects where that can't be tried. */
  readonly dial: () => Promise<Duplex>;
}

export interface ClientOptions extends CarrierEvents {
  /** Tried in turn. At least one. */
  readonly servers: readonly ControlPlaneAddress[];
  readonly protocol: Protocol;
  /** The path of the method. */
  readonly method: string;
  /** The kinds that it brings, in the order in which they are asked for. */
  readonly kinds: readonly Kind[];
  /** Whether all resources of a kind are asked for, and not by name. */
  readonly isRoot: (kind: Kind) => boolean;
  /** The message `envoy.config.core.v3.Node`. */
  readonly node: Message;
  readonly judge: Judge;
  /** Undefined: nothing is logged. */
  readonly logger?: ProviderLogger | undefined;
  readonly random?: () => number;
}

/** Wait for the next try to connect, and for the next refusal of a kind: first and longest, in milliseconds. */
const waits = { reconnect: [500, 30_000], refusal: [6_000, 30_000] } as const;
/** The longest reason that a control plane hears, in characters. */
const longestRefusal = 4_096;

/** Where the exchange about a kind stands, on the present stream. */
interface Exchange {
  nonce: string;
  /** The version of the last response that was good, of the state of the world. */
  version: string;
  /** A refusal that is held back. */
  held: NodeJS.Timeout | undefined;
}

/**
 * Asks a control plane over one stream, for all kinds (ADS) or for one. Good resources of a response are taken, bad ones are
 * refused by name and stay at their last good version. When the control plane is away, the last good state is served.
 */
export class StreamClient implements Carrier {
  readonly resources: ReadonlyMap<Kind, Resources>;
  server: string | undefined;
  readonly #options: ClientOptions;
  /** Of kinds that are asked for on the present stream. */
  readonly #exchanges = new Map<Kind, Exchange>();
  /** How often in a row a kind was refused: over reconnects, too. */
  readonly #refusals = new Map<Kind, number>();
  #stream: GrpcStream | undefined;
  #open = false;
  /** Settles when the responses that came are taken: they are one after the other, those of a stream that ended, too. */
  #busy: Promise<void> = Promise.resolve();
  #again: NodeJS.Timeout | undefined;
  #tries = 0;
  /** Counts connections: the server that is next. */
  #next = 0;
  #stopped = false;

  constructor(options: ClientOptions) {
    this.#options = options;
    this.resources = new Map(options.kinds.map((kind) => [kind, new Resources(kind)]));
  }

  get complete(): boolean {
    const { isRoot } = this.#options;
    return [...this.resources].every(
      ([kind, { complete }]) => complete || (kinds[kind].wildcard && !isRoot(kind)),
    );
  }

  get unreachable(): boolean {
    return this.#tries >= this.#options.servers.length;
  }

  /** Whether there is a stream, for those who look on. */
  get connected(): boolean {
    return this.#open;
  }

  start(): void {
    if (this.#next === 0 && !this.#stopped) void this.#connect();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#again);
    this.#forgetStream();
  }

  ask(kind: Kind, more: readonly string[], less: readonly string[]): void {
    const resources = this.resources.get(kind)!;
    for (const name of less) resources.wanted.delete(name);
    for (const name of more) resources.wanted.add(name);
    resources.forget(less);
    // The next stream begins with all that is wanted.
    if (this.#open) this.#askFor(kind, more, less);
  }

  again(): Promise<void> {
    this.#busy = this.#busy.then(() => takeAgain(this, this.#options));
    return this.#busy;
  }

  /** Takes what was kept over a restart, before it starts. @returns undefined where it is not good. */
  restore(kind: Kind, received: Received): Promise<Change | undefined> {
    return this.resources.get(kind)!.restore(received, this.#options.judge);
  }

  async #connect(): Promise<void> {
    const { servers, method } = this.#options;
    const server = servers[this.#next++ % servers.length]!;
    let socket: Duplex | undefined;
    try {
      socket = await server.dial();
      if (this.#stopped) return void socket.destroy();
      this.#stream = new GrpcStream(socket, server.authority, method, {
        opened: () => this.#opened(server.name),
        message: (bytes) => this.#message(bytes),
        ended: (reason) => this.#ended(server.name, reason),
      });
    } catch (error) {
      socket?.destroy();
      if (!this.#stopped) this.#ended(server.name, (error as Error).message);
    }
  }

  #opened(server: string): void {
    this.#options.logger?.info({ server }, "connected to a control plane");
    this.server = server;
    this.#open = true;
    for (const kind of this.resources.keys()) this.#askFor(kind, [...this.resources.get(kind)!.wanted], []);
  }

  #forgetStream(): void {
    this.#open = false;
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
    this.#again = setTimeout(() => void this.#connect(), wait);
    this.#options.looked();
  }

  /** Asks for a kind on this stream; for the first time, or for other names of it than before. */
  #askFor(kind: Kind, more: readonly string[], less: readonly string[]): void {
    const resources = this.resources.get(kind)!;
    const { node, protocol } = this.#options;
    const exchange = this.#exchanges.get(kind);
    const first = exchange === undefined;
    const isRoot = this.#options.isRoot(kind);
    if (!isRoot && (kinds[kind].wildcard || resources.wanted.size === 0) && first) return;
    if (first) this.#exchanges.set(kind, { nonce: "", version: "", held: undefined });
    // An empty list of names would ask for every one there is.
    else if (protocol === "sotw" && resources.wanted.size === 0) return;
    else if (more.length + less.length === 0) return;
    if (protocol === "sotw") this.#sendWorld(kind, undefined);
    else this.#send(writeDelta(kind, { more, less, ...(first && { node, known: knownOf(resources) }) }));
  }

  #sendWorld(kind: Kind, refusal: string | undefined): void {
    const { node } = this.#options;
    const { version, nonce } = this.#exchanges.get(kind)!;
    const names = this.resources.get(kind)!.wanted;
    this.#send(writeWorld(kind, { node, version, nonce, names, refusal }));
  }

  #send(message: Uint8Array): void {
    this.#stream?.send(message);
  }

  #message(bytes: Buffer): Promise<void> {
    const stream = this.#stream;
    this.#busy = this.#busy.then(() => this.#read(bytes, () => stream === this.#stream));
    return this.#busy;
  }

  /** @param isCurrent whether its stream has not ended: the next one begins with what is there. */
  async #read(bytes: Buffer, isCurrent: () => boolean): Promise<void> {
    try {
      const response = readResponse(this.#options.protocol, bytes);
      if (response.kind !== undefined && this.resources.has(response.kind) && isCurrent())
        await this.#take(response.kind, response, isCurrent);
    } catch (error) {
      this.#options.logger?.warn({ err: error }, "a message of the control plane can't be read");
    }
  }

  async #take(kind: Kind, response: Response, isCurrent: () => boolean): Promise<void> {
    const resources = this.resources.get(kind)!;
    this.#tries = 0;
    const { refusals, changes } = await resources.take(
      response.received,
      this.#options.judge,
      isCurrent,
      response,
    );
    if (!isCurrent()) return this.#options.taken(kind, changes);
    const left = resources.gone(this.#goneWith(kind, response));
    this.#answer(kind, response, refusals);
    this.#options.taken(kind, [...changes, ...left]);
    this.#options.looked();
  }

  /** Of listeners and clusters the state of the world has all there are; what is only bad is still there. */
  #goneWith(kind: Kind, { received, removed }: Response): readonly string[] {
    if (this.#options.protocol === "delta" || !kinds[kind].wildcard) return removed;
    const named = new Set(received.map(({ name }) => name));
    return [...this.resources.get(kind)!.names].filter((name) => !named.has(name));
  }

  /** ACK at once; a refusal is held back, because a control plane may send the same at once again. */
  #answer(kind: Kind, { nonce, version }: Response, refusals: readonly string[]): void {
    const exchange = this.#exchanges.get(kind);
    if (exchange === undefined) return;
    clearTimeout(exchange.held);
    exchange.nonce = nonce;
    if (refusals.length === 0) {
      this.#refusals.delete(kind);
      exchange.version = version;
      this.#acknowledge(kind, nonce, undefined);
      return;
    }
    const count = this.#refusals.get(kind) ?? 0;
    this.#refusals.set(kind, count + 1);
    const refusal = refusals.join("; ").slice(0, longestRefusal);
    const fields = { kind, refusal };
    this.#options.logger?.warn(
      fields,
      "resources of the control plane are refused; their last good version is served on",
    );
    const send = (): void => this.#acknowledge(kind, nonce, refusal);
    if (count === 0) send();
    else exchange.held = setTimeout(send, backoff(waits.refusal, count - 1, this.#options.random));
  }

  #acknowledge(kind: Kind, nonce: string, refusal: string | undefined): void {
    if (this.#options.protocol === "sotw") this.#sendWorld(kind, refusal);
    else this.#send(writeDelta(kind, { nonce, refusal }));
  }
}

/** Versions that are there and good. */
function knownOf({ good, refused }: Resources): Readonly<Record<string, string>> {
  const known: Record<string, string> = {};
  for (const [name, { version }] of good) if (!refused.has(name)) known[name] = version;
  return known;
}
