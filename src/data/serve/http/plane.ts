import type { AccessLog } from "../../../observe/access-log.ts";
import type { ListenerLogs } from "../../../observe/listener-logs.ts";
import type { AcceptingPlane } from "../../accept/accepting.ts";
import type { DispatchPlane } from "../../dispatch/dispatch.ts";
import type { ServedGuards } from "../../guard/guards.ts";
import type { LoadWatch } from "../../overload.ts";
import type { KeptUpstreams } from "../../upstream/kept.ts";
import type { SharedUpstreams } from "../../upstream/shared.ts";
import type { Mirrors } from "./forward/mirror.ts";
import type { Tracing } from "./tracing.ts";

/** The plane of a worker, as far as serving HTTP needs it. */
export interface HttpPlane extends AcceptingPlane, DispatchPlane {
  /** Idle connections to backends. */
  readonly kept: KeptUpstreams;
  /** The guards that requests have to pass. */
  readonly guards: Pick<ServedGuards, "stepsOf">;
  /** Connections to backends that speak HTTP/2. */
  readonly sharedUpstreams: SharedUpstreams;
  /** Copies of requests on their way. */
  readonly mirrors: Mirrors;
  /** How busy the worker is. */
  readonly load: Pick<LoadWatch, "share" | "isHeapShort">;
  /** The process drains: connections are to end behind their present request. */
  readonly isDraining: boolean;
  /** Undefined: the lines of requests are among all others. */
  readonly access?: AccessLog | undefined;
  /** Logs that listeners have of their own. */
  readonly listenerLogs?: ListenerLogs;
  /** Undefined: requests are not traced. */
  readonly tracing?: Tracing | undefined;
}
