import type { Logger } from "pino";
import type { CounterMemory } from "../channel/counters.ts";
import type { SharedMemory } from "../channel/memory.ts";
import type { PlacedListener } from "../model/snapshot.ts";
import type { TlsTermination } from "./accept/tls.ts";
import type { ServedPool } from "./pick/pool.ts";
import type { Session } from "./session.ts";

/** A listener as a worker serves it. Sessions keep the one they were accepted by. */
export interface ServedListener {
  readonly definition: PlacedListener;
  /** Undefined: plain TCP. */
  readonly termination: TlsTermination | undefined;
  readonly pool: ServedPool;
}

/** What every session of a worker works with. */
export interface Plane {
  readonly shared: SharedMemory;
  readonly counters: CounterMemory;
  readonly logger: Logger;
  /** Whether ended sessions are logged. */
  readonly logSessions: boolean;
  readonly sessions: Set<Session>;
}
