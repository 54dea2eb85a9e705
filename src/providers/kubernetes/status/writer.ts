import { setTimeout as sleep } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { backoff } from "../../../lib/backoff.ts";
import type { Api, ApiError } from "../client/api.ts";
import { collectionPath, kinds } from "../client/kinds.ts";
import type { Pace } from "../client/pace.ts";
import type { PresentStatus } from "./present.ts";
import { type Json, stamped, statusPatch } from "./stamp.ts";

/** Waits after a first failure, and the longest, in milliseconds: of one object, or where the server is away. */
const usualWaits = { first: 1_000, last: 60_000 } as const;
/** Objects that are compared before others have their turn on the main thread. */
const atOnce = 100;

export interface StatusWriterOptions {
  readonly api: Api;
  /** Of all writes. */
  readonly pace: Pace;
  readonly controller: string;
  /** The status of an object, by `Kind/namespace/name`; undefined: there is no such object. */
  readonly present: (id: string) => PresentStatus | undefined;
  /** Called with a failure; undefined: it works again. */
  readonly tell: (problem: ApiError | undefined) => void;
  readonly waits?: { readonly first: number; readonly last: number };
}

/** Brings the statuses of objects to what is wanted, one after the other, while it is to write. */
export class StatusWriter {
  readonly #options: StatusWriterOptions;
  readonly #waits: { readonly first: number; readonly last: number };
  #wanted: ReadonlyMap<string, Json> = new Map();
  /** Objects to look at, in the order in which they came. */
  readonly #queue = new Set<string>();
  /** Objects whose last write failed: how often it did, and when they may be tried again, by performance.now(). */
  readonly #failed = new Map<string, { readonly times: number; readonly at: number }>();
  /** The statuses that were written last, and as the server kept them: it may leave a part out. */
  readonly #written = new Map<string, { readonly wanted: Json; readonly got: Json }>();
  #writing: AbortController | undefined;
  #woken = Promise.withResolvers<void>();

  constructor(options: StatusWriterOptions) {
    this.#options = options;
    this.#waits = options.waits ?? usualWaits;
  }

  /** @param wanted all statuses that are ours, by `Kind/namespace/name`, without times. */
  want(wanted: ReadonlyMap<string, Json>): void {
    const before = this.#wanted;
    this.#wanted = wanted;
    // Knowledge of others is of no use any more.
    for (const known of [this.#queue, this.#failed, this.#written])
      for (const id of known.keys()) if (!wanted.has(id)) known.delete(id);
    for (const [id, status] of wanted) if (!isDeepStrictEqual(status, before.get(id))) this.#queue.add(id);
    this.#woken.resolve();
  }

  /** The status of an object may have changed. */
  look(id: string): void {
    if (!this.#wanted.has(id)) return;
    this.#queue.add(id);
    this.#woken.resolve();
  }

  start(): void {
    for (const id of this.#wanted.keys()) this.#queue.add(id);
    this.#writing ??= new AbortController();
    void this.#run(this.#writing.signal);
  }

  stop(): void {
    this.#writing?.abort();
    this.#writing = undefined;
    this.#failed.clear();
  }

  async #run(signal: AbortSignal): Promise<void> {
    for (let looked = 1; !signal.aborted; looked++) {
      const id = this.#due();
      if (id === undefined) await this.#idle(signal);
      else await this.#bring(id, signal);
      if (looked % atOnce === 0) await sleep(0);
    }
  }

  /** The next one that need not wait. */
  #due(): string | undefined {
    const now = performance.now();
    return this.#queue.values().find((id) => (this.#failed.get(id)?.at ?? 0) <= now);
  }

  /** Until there may be something to do. */
  async #idle(signal: AbortSignal): Promise<void> {
    this.#woken = Promise.withResolvers();
    const over = new AbortController();
    const either = AbortSignal.any([signal, over.signal]);
    const soonest = Math.min(...this.#queue.values().map((id) => this.#failed.get(id)?.at ?? 0));
    const wait = Math.min(this.#waits.last, Math.max(0, soonest - performance.now()));
    await Promise.race([this.#woken.promise, sleep(wait, undefined, { signal: either }).catch(() => {})]);
    over.abort();
  }

  async #bring(id: string, signal: AbortSignal): Promise<void> {
    this.#queue.delete(id);
    const { api, pace, present, tell } = this.#options;
    if (this.#patchOf(id) === undefined) {
      this.#failed.delete(id);
      return;
    }
    try {
      await pace.turn(signal);
      // Something else may be wanted by now, or it has gone.
      const [object, wanted, body] = [present(id), this.#wanted.get(id), this.#patchOf(id)];
      if (object === undefined || wanted === undefined || body === undefined) return;
      const path = `${collectionPath(kinds[object.kind], object.namespace)}/${object.name}/status`;
      const answer = await api.json({ method: "PATCH", path, body, signal });
      this.#written.set(id, { wanted, got: (answer as { status?: Json }).status ?? {} });
      this.#failed.delete(id);
      tell(undefined);
    } catch (error) {
      if (!signal.aborted) this.#defer(id, error as ApiError);
    }
  }

  /** Undefined where the status is as wanted, as far as the server lets it be. */
  #patchOf(id: string): Json | undefined {
    const { present, controller } = this.#options;
    const now = new Date().toISOString().replace(/\.\d+/, "");
    const [object, wanted, written] = [present(id), this.#wanted.get(id), this.#written.get(id)];
    if (object === undefined) this.#written.delete(id);
    if (object === undefined || wanted === undefined) return undefined;
    const { status, resourceVersion } = object;
    if (isDeepStrictEqual(written?.wanted, wanted) && isDeepStrictEqual(written?.got, status))
      return undefined;
    // As it is sent, without what is undefined.
    const next = JSON.parse(JSON.stringify(stamped(wanted, status, controller, now))) as Json;
    if (isDeepStrictEqual(next, status)) return undefined;
    return { metadata: { resourceVersion }, status: statusPatch(next, status) };
  }

  /** Another one may be written meanwhile, unless nothing can be. */
  #defer(id: string, error: ApiError): void {
    // The object has gone.
    if (error.status === 404) return;
    this.#queue.add(id);
    const times = (this.#failed.get(id)?.times ?? 0) + 1;
    const { first, last } = this.#waits;
    const at = performance.now() + Math.max(backoff([first, last], times - 1), error.retryAfter);
    this.#failed.set(id, { times, at });
    // Somebody else has written: what that was is about to be seen.
    if (error.status === 409) return;
    this.#options.tell(error);
    if (error.status === 0 || error.status === 429 || error.status >= 500)
      for (const other of this.#queue) this.#failed.set(other, { times, at });
  }
}
