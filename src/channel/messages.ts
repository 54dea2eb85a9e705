import type { Server, Socket } from "node:net";
import type { Result } from "../lib/result.ts";
import type { ExplainRequest, Explanation } from "../model/explanation.ts";
import type { PassedRequests } from "../model/http/passed.ts";
import type { LogSettings } from "../model/model.ts";
import type { SessionFilter, SessionList, WorkerSession } from "../model/open-session.ts";
import type { SpanRecord } from "../model/tracing.ts";
import type { SharedMemory } from "./memory.ts";
import type { SentDifference } from "./tls-once.ts";

/** The data that a worker thread is started with. */
export interface WorkerSetup {
  /** 1 to count. */
  readonly id: number;
  readonly count: number;
  readonly log: LogSettings;
  readonly shared: SharedMemory;
  /** Grows before a change comes that names slots beyond it. */
  readonly counters: SharedArrayBuffer;
}

/** A connection that the main thread accepted for a `handed-over` listener, or that a worker gave away. */
export interface HandedSocket {
  readonly type: "socket";
  /** One of the listener's addresses, as text: its name may change meanwhile. */
  readonly address: string;
  readonly socket: Socket;
}

/** A listening socket of a worker, as another process can be given it. */
export interface ListeningSocket {
  readonly listener: string;
  /** As text. */
  readonly address: string;
  /** Its number among the files of this process. */
  readonly descriptor: number;
}

/** Control plane to worker. */
export type ToWorker =
  /** All that changed since the last one that this thread applied; the first one is all that there is. */
  | { readonly type: "change"; readonly difference: SentDifference; readonly log: LogSettings }
  | HandedSocket
  /** Say what would become of a connection: answer `explanation`. */
  | { readonly type: "explain"; readonly id: number; readonly request: ExplainRequest }
  /** Tell what is open: answer `listed`. */
  | { readonly type: "list"; readonly id: number; readonly filter: SessionFilter }
  /** End a connection, by its name in the log: answer `killed`. */
  | { readonly type: "kill"; readonly id: number; readonly session: string }
  /** Accept on a socket that listens already, of an address as canonical text; comes before the first change. */
  | { readonly type: "listening"; readonly address: string; readonly server: Server }
  /** Tell the listening sockets of TCP: answer `described`. */
  | { readonly type: "describe"; readonly id: number }
  /** Stop accepting; live sessions go on. */
  | { readonly type: "drain" }
  /** End the sessions on the backend in this slot, after the changes that were sent before. */
  | { readonly type: "vacate"; readonly slot: number }
  /** Reset what is still open, answer `cut`. */
  | { readonly type: "cut"; readonly reason: "drain_deadline" | "stopped" };

/** A client goes to a backend that the pool does not have, or still goes there. */
export interface WantedBackend {
  readonly pool: string;
  readonly address: string;
  /** The client's IP address; empty for one of a unix socket. */
  readonly client: string;
}

/** Worker to control plane. */
export type FromWorker =
  | { readonly type: "ready" }
  /** It serves this version, and every connection that was accepted before version `settled` has chosen. */
  | { readonly type: "applied"; readonly version: number; readonly settled: number }
  /** Every connection that was accepted before this version has a backend by now, or has ended. */
  | { readonly type: "settled"; readonly version: number }
  /** It can't be served; the version before goes on being served. */
  | { readonly type: "failed"; readonly version: number; readonly reason: string }
  /** The answer to `explain`, or why there is none. */
  | { readonly type: "explanation"; readonly id: number; readonly result: Result<Explanation, string> }
  | { readonly type: "listed"; readonly id: number; readonly list: SessionList<WorkerSession> }
  /** Whether it was one of this worker's. */
  | { readonly type: "killed"; readonly id: number; readonly found: boolean }
  | { readonly type: "described"; readonly id: number; readonly sockets: readonly ListeningSocket[] }
  /** For the worker with the fewest. */
  | HandedSocket
  /** Accepts nothing more. */
  | { readonly type: "draining" }
  /** Everything is closed, every log line was sent. */
  | { readonly type: "cut"; readonly sessions: number }
  /** Something went wrong that ends neither a session nor the thread. */
  | { readonly type: "trouble"; readonly what: string; readonly error: Error }
  /** Whole log lines, each with its newline. */
  | { readonly type: "log"; readonly lines: Uint8Array<ArrayBuffer> }
  /** The same, for the file with the lines of requests. */
  /** @param file of a listener's own log; undefined: `log.access.file`. */
  | { readonly type: "access"; readonly lines: Uint8Array<ArrayBuffer>; readonly file?: string }
  | ({ readonly type: "wanted" } & WantedBackend)
  /** Requests that limits have let through which machines share. */
  | { readonly type: "passed"; readonly requests: PassedRequests }
  /** Requests that are over and traced. */
  | { readonly type: "spans"; readonly spans: readonly SpanRecord[] };
