import type { CounterMemory } from "../../channel/counters.ts";
import type { SharedMemory } from "../../channel/memory.ts";
import type { Crowd } from "../../lib/crowd.ts";
import type { PlacedListener } from "../../model/snapshot.ts";
import type { LineLogger } from "../../observe/worker-logger.ts";
import type { Chains } from "../decide/chains.ts";
import type { Greeting } from "../decide/greeting.ts";
import type { Open } from "../open.ts";
import type { AddressLimits } from "./addresses.ts";
import type { Challenges } from "./challenges.ts";
import type { Termination } from "./tls.ts";

/** The part of a listener that a connection uses until it is handed on. */
export interface AcceptingListener {
  readonly definition: PlacedListener;
  /** How it terminates TLS, by the name of the settings. */
  terminationOf(settings: string): Pick<Termination, "begin" | "judge">;
  /** Undefined: any address will do. */
  readonly addresses: Pick<AddressLimits, "admit" | "release"> | undefined;
  readonly chains: Pick<Chains, "atHello" | "afterHandshake" | "looksAtPort" | "looksAtEnds">;
  /** How it learns what a client speaks. */
  readonly greeting: Greeting;
  /** Whether a client that sends no name is looked at by the address that it connected to. */
  readonly namesAddresses: boolean;
  /** Whether its connections begin with a handshake, or with a client's first bytes. */
  readonly secures: boolean;
  /** Connections that it accepted and that are {@link decided} not yet. */
  undecided: number;
  /** A connection has a backend, or has ended without one. */
  decided(): void;
  /** Whether this peer may say whom its connections are for. */
  trusts(peer: string): boolean;
}

/** The part of a worker's plane that a connection uses. */
export interface AcceptingPlane {
  /** Its index, from 0. */
  readonly worker: number;
  readonly shared: SharedMemory;
  readonly counters: CounterMemory;
  readonly logger: LineLogger;
  /** Whether ended sessions are logged. */
  readonly logSessions: boolean;
  readonly open: Crowd<Open>;
  /** By listener slot: connections of this worker whose handshake is not done yet, where there is one. */
  readonly handshakes: Int32Array;
  /** Shown to certificate authorities. */
  readonly challenges: Pick<Challenges, "contextFor" | "answerTo">;
}
