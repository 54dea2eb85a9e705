import { createHash } from "node:crypto";
import { hostname } from "node:os";
import type { Api, ApiError } from "../client/api.ts";
import { kinds } from "../client/kinds.ts";
import type { Pace } from "../client/pace.ts";
import type { KubeEvent } from "../translate/translation.ts";

/** An event with the id of the object that it is about, where that is known. */
export type ObjectEvent = KubeEvent & { readonly uid: string | undefined };

/** Events that wait, and events that are known to be told. More of them are not told. */
const most = 2_000;
const longestMessage = 1_024;

/** Tells each event once, while it is to write. */
export class EventWriter {
  readonly #api: Api;
  readonly #pace: Pace;
  readonly #tell: (problem: ApiError | undefined) => void;
  #present: ReadonlyMap<string, ObjectEvent> = new Map();
  /** Those of {@link #present} that were told. */
  #told = new Set<string>();
  #writing: AbortController | undefined;
  #busy = false;

  constructor(api: Api, pace: Pace, tell: (problem: ApiError | undefined) => void) {
    this.#api = api;
    this.#pace = pace;
    this.#tell = tell;
  }

  /** @param events all that there is to tell now. */
  want(events: readonly ObjectEvent[]): void {
    this.#present = new Map(
      inTurns(events)
        .slice(0, most)
        .map((event) => [keyOf(event), event]),
    );
    this.#told = new Set(this.#told.values().filter((key) => this.#present.has(key)));
    void this.#work();
  }

  start(): void {
    this.#writing ??= new AbortController();
    void this.#work();
  }

  stop(): void {
    this.#writing?.abort();
    this.#writing = undefined;
  }

  async #work(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    for (let next = this.#next(); next !== undefined; next = this.#next()) await this.#write(...next);
    this.#busy = false;
  }

  #next(): readonly [string, ObjectEvent, AbortSignal] | undefined {
    const signal = this.#writing?.signal;
    const key = signal && this.#present.keys().find((each) => !this.#told.has(each));
    return signal === undefined || key === undefined ? undefined : [key, this.#present.get(key)!, signal];
  }

  async #write(key: string, event: ObjectEvent, signal: AbortSignal): Promise<void> {
    // One that can't be written is not tried again: it is for people, and the condition says the same.
    this.#told.add(key);
    try {
      await this.#pace.turn(signal);
      const { namespace = "default" } = event.about;
      const path = `/api/v1/namespaces/${namespace}/events`;
      await this.#api.json({ method: "POST", path, body: bodyOf(key, event, namespace), signal });
    } catch (error) {
      if (!signal.aborted) this.#tell(error as ApiError);
    }
  }
}

/** The first event of each namespace, then the second ones: one with many keeps no other's from being told. */
function inTurns(events: readonly ObjectEvent[]): readonly ObjectEvent[] {
  const counts = new Map<string | undefined, number>();
  const turns = events.map((event) => {
    const turn = counts.get(event.about.namespace) ?? 0;
    counts.set(event.about.namespace, turn + 1);
    return { event, turn };
  });
  return turns.sort((left, right) => left.turn - right.turn).map(({ event }) => event);
}

const keyOf = (event: ObjectEvent): string =>
  createHash("sha256").update(JSON.stringify(event)).digest("hex").slice(0, 16);

function bodyOf(key: string, event: ObjectEvent, namespace: string): unknown {
  const now = new Date().toISOString().replace(/\.\d+/, "");
  const { about, uid, type, reason, message } = event;
  const group = Object.values(kinds).find(({ kind }) => kind === about.kind)?.group;
  return {
    apiVersion: "v1",
    kind: "Event",
    metadata: { namespace, generateName: `${about.name.slice(0, 200)}.${key}.` },
    involvedObject: { apiVersion: group, ...about, uid },
    type,
    reason,
    message: message.slice(0, longestMessage),
    source: { component: "umay", host: hostname() },
    firstTimestamp: now,
    lastTimestamp: now,
    count: 1,
  };
}
