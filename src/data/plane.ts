import { isDeepStrictEqual } from "node:util";
import type { CounterMemory } from "../channel/counters.ts";
import type { SharedMemory } from "../channel/memory.ts";
import { AddressSet } from "../lib/address-set.ts";
import type { Crowd } from "../lib/crowd.ts";
import type { Chain } from "../model/chain.ts";
import type { ListenerTls } from "../model/listener.ts";
import type { PlacedListener } from "../model/snapshot.ts";
import type { AccessLog } from "../observe/access-log.ts";
import type { ListenerLogs } from "../observe/listener-logs.ts";
import type { LineLogger } from "../observe/worker-logger.ts";
import { AddressLimits } from "./accept/addresses.ts";
import type { Challenges } from "./accept/challenges.ts";
import type { Serve } from "./accept/connection.ts";
import { Termination } from "./accept/tls.ts";
import { Chains } from "./decide/chains.ts";
import { type Greeting, greetingOf } from "./decide/greeting.ts";
import type { Routing } from "./decide/http/routing.ts";
import type { ServedPool } from "./dispatch/pool.ts";
import type { ServedGuards } from "./guard/guards.ts";
import type { Open } from "./open.ts";
import type { LoadWatch } from "./overload.ts";
import type { Mirrors } from "./serve/http/forward/mirror.ts";
import { HttpFrontend, type ServedTables } from "./serve/http/frontend.ts";
import type { Tracing } from "./serve/http/tracing.ts";
import type { Dial } from "./upstream/dial.ts";
import type { KeptUpstreams } from "./upstream/kept.ts";
import type { SharedUpstreams } from "./upstream/shared.ts";

/** All that a worker serves, now and later, by name. */
export interface Served {
  readonly pools: ReadonlyMap<string, ServedPool>;
  readonly tables: ServedTables;
}

/** A listener as a worker serves it. Connections keep the one they were accepted by. */
export class ServedListener {
  /** Connections that it accepted and that have no backend yet: they may still choose any of its pools. */
  undecided = 0;
  /** Told when there is none of them, once it is no longer served. */
  onDecided: (() => void) | undefined = undefined;
  readonly definition: PlacedListener;
  /** By the name of the settings; empty: plain TCP. */
  readonly #terminations: ReadonlyMap<string, Termination>;
  readonly chains: Chains;
  readonly greeting: Greeting;
  readonly namesAddresses: boolean;
  readonly #trusted: AddressSet | undefined;
  /** Whether its connections begin with a handshake, or with a client's first bytes: what {@link Plane.handshakes} counts. */
  readonly secures: boolean;
  /** Undefined: any address will do. */
  readonly addresses: AddressLimits | undefined;
  readonly #pools: ReadonlyMap<string, ServedPool>;
  /** Of chains that speak HTTP. */
  readonly #frontends = new Map<Chain, HttpFrontend>();

  /**
   * @param served is looked into when a session or a request is about to choose.
   * @param worker which one it is, 1 to count.
   * @param before the listener of this name until now: while its TLS stays the same, so do its contexts.
   * @throws where OpenSSL refuses the listener's TLS settings.
   */
  constructor(
    definition: PlacedListener,
    { pools, tables }: Served,
    worker: number,
    before?: ServedListener,
  ) {
    const { tls, chains } = definition;
    this.definition = definition;
    this.#terminations = new Map(
      tls.map((settings) => [
        settings.name,
        before?.terminationLike(definition, settings) ?? new Termination(definition, settings),
      ]),
    );
    this.#pools = pools;
    const refusing = new Set(
      [...this.#terminations].filter(([, { refusesNames }]) => refusesNames).map(([settings]) => settings),
    );
    this.chains = new Chains(chains, (settings, name) =>
      refusing.has(settings) ? this.terminationOf(settings).refuses(name) : undefined,
    );
    const byName = [...this.#terminations.values()].some(({ needsServerName }) => needsServerName);
    this.greeting = greetingOf(definition, byName);
    this.namesAddresses = [...this.#terminations.values()].some(({ coversAddresses }) => coversAddresses);
    this.#trusted = definition.proxyProtocol && new AddressSet(definition.proxyProtocol.trust);
    this.secures = this.greeting.presumes !== "other";
    this.addresses = AddressLimits.of(definition, worker);
    for (const chain of chains)
      if (chain.serve.kind === "http") this.#frontends.set(chain, new HttpFrontend(chain.serve, tables));
  }

  /** How a chain speaks HTTP; undefined: it relays. */
  frontendOf(chain: Chain): HttpFrontend | undefined {
    return this.#frontends.get(chain);
  }

  /** How requests find their routes; undefined: it speaks no HTTP. */
  get routing(): Routing | undefined {
    return this.#frontends.values().next().value?.routing;
  }

  /** Whether no connection is accepted under it any more: those that it has are to end soon. */
  get isRetired(): boolean {
    return this.onDecided !== undefined;
  }

  /** A connection has a backend, or has ended without one. */
  decided(): void {
    this.undecided--;
    if (this.undecided === 0) this.onDecided?.();
  }

  /** How it terminates TLS by settings of its own. */
  terminationOf(settings: string): Termination {
    return this.#terminations.get(settings)!;
  }

  /** The application protocols of TLS settings, in their order. */
  readonly alpnOf = (settings: string): readonly string[] =>
    this.definition.tls.find(({ name }) => name === settings)?.alpn ?? [];

  /** The termination that another definition's settings can share; settings that did not change are the same object. */
  terminationLike({ name, ticketKeys }: PlacedListener, settings: ListenerTls): Termination | undefined {
    const own = this.definition;
    const same =
      name === own.name && own.tls.includes(settings) && isDeepStrictEqual(ticketKeys, own.ticketKeys);
    return same ? this.#terminations.get(settings.name) : undefined;
  }

  /** Whether this peer may say whom its connections are for; anybody where nobody is asked. */
  trusts(peer: string): boolean {
    return this.#trusted === undefined || peer === "" || this.#trusted.has(peer);
  }

  /** A pool that one of its chains or routes leads to; undefined: it has left, while somebody was on the way to it. */
  poolNamed(name: string): ServedPool | undefined {
    return this.#pools.get(name);
  }
}

/** Everything that the connections of a worker share. */
export interface Plane {
  /** The worker's index, from 0. */
  readonly worker: number;
  readonly shared: SharedMemory;
  readonly counters: CounterMemory;
  readonly logger: LineLogger;
  /** Whether ended sessions are logged. */
  logSessions: boolean;
  readonly open: Crowd<Open>;
  readonly serve: Serve<ServedListener>;
  readonly dial: Dial;
  /** Idle connections to backends. */
  readonly kept: KeptUpstreams;
  /** The guards that requests have to pass. */
  readonly guards: ServedGuards;
  /** Connections to backends that speak HTTP/2. */
  readonly sharedUpstreams: SharedUpstreams;
  /** Copies of requests on their way. */
  readonly mirrors: Mirrors;
  /** How busy the worker is. */
  readonly load: LoadWatch;
  /** The process drains: nothing new is to begin where that can be avoided. */
  isDraining: boolean;
  /** By listener slot: connections of this worker whose handshake is not done yet, where there is one. */
  readonly handshakes: Int32Array;
  /** Shown to certificate authorities. */
  readonly challenges: Challenges;
  /** Undefined: the lines of requests are among all others. */
  access?: AccessLog | undefined;
  /** Logs that listeners have of their own; undefined: there are none to write to. */
  readonly listenerLogs?: ListenerLogs;
  /** Undefined: requests are not traced. */
  tracing?: Tracing | undefined;
}
