import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { type Api, ApiError } from "./api.ts";

/** In milliseconds. */
export interface LeaseTimes {
  /** How long a holder that is silent keeps the Lease. */
  readonly duration: number;
  /** From the last renewal that worked until the holder stops to believe that it has it. */
  readonly belief: number;
  /** Between two looks. */
  readonly look: number;
}

const usualTimes: LeaseTimes = { duration: 15_000, belief: 10_000, look: 4_000 };

export interface LeaseOptions {
  readonly api: Api;
  readonly name: string;
  /** Called when it is got, and when it is lost. */
  readonly changed: (held: boolean) => void;
  /** Called with a failure; undefined: it works again. */
  readonly tell: (problem: ApiError | undefined) => void;
  readonly times?: Partial<LeaseTimes>;
  /** The name of the holder. Default: the host's name with a random part. */
  readonly identity?: string;
}

interface LeaseObject {
  readonly metadata: { readonly name: string; readonly resourceVersion?: string };
  readonly spec?: {
    readonly holderIdentity?: string;
    readonly leaseDurationSeconds?: number;
    readonly acquireTime?: string;
    readonly renewTime?: string;
    readonly leaseTransitions?: number;
  };
}

/**
 * One of all replicas holds it (coordination.k8s.io/v1). Clocks of machines are not compared: a Lease is free when it did
 * not change for as long as it says, by our own clock.
 */
export class Lease {
  readonly #options: LeaseOptions;
  readonly #times: LeaseTimes;
  readonly #identity: string;
  readonly #stop = new AbortController();
  readonly #ended: Promise<void>;
  /** As it was seen last, and since when it is so. */
  #seen: LeaseObject | undefined;
  #since = 0;
  #held = false;
  #doubt: NodeJS.Timeout | undefined;

  constructor(options: LeaseOptions) {
    this.#options = options;
    this.#times = { ...usualTimes, ...options.times };
    this.#identity = options.identity ?? `${hostname()}_${randomUUID()}`;
    this.#ended = this.#run();
  }

  get held(): boolean {
    return this.#held;
  }

  /** Gives it back, so that another replica need not wait. Never rejects. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#ended;
    const before = this.#seen;
    const held = this.#held;
    this.#lose();
    if (held && before !== undefined)
      await this.#write(before, { holderIdentity: "" }, AbortSignal.timeout(this.#times.look)).catch(
        () => {},
      );
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      try {
        await this.#look();
        this.#options.tell(undefined);
      } catch (error) {
        // Another replica was quicker.
        if (error instanceof ApiError && error.status === 409) this.#seen = undefined;
        else if (!signal.aborted) this.#options.tell(error as ApiError);
      }
      const wait = this.#times.look * (0.9 + Math.random() / 5);
      await sleep(wait, undefined, { signal }).catch(() => {});
    }
  }

  async #look(): Promise<void> {
    const { signal } = this.#stop;
    if (!this.#held || this.#seen === undefined) await this.#read(signal);
    const lease = this.#seen;
    if (lease === undefined) {
      await this.#create(signal);
      return;
    }
    const { holderIdentity: holder = "", leaseDurationSeconds: seconds } = lease.spec ?? {};
    if (holder !== this.#identity) {
      if (this.#held) this.#lose();
      const longest = seconds === undefined ? this.#times.duration : seconds * 1_000;
      if (holder !== "" && performance.now() - this.#since < longest) return;
    }
    const now = microTime();
    const takes = holder !== this.#identity;
    await this.#write(
      lease,
      {
        holderIdentity: this.#identity,
        renewTime: now,
        ...(takes && { acquireTime: now, leaseTransitions: (lease.spec?.leaseTransitions ?? 0) + 1 }),
      },
      signal,
    );
    this.#hold();
  }

  async #read(signal: AbortSignal): Promise<void> {
    try {
      this.#note(
        (await this.#options.api.json({ method: "GET", path: this.#path(), signal })) as LeaseObject,
      );
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 404) throw error;
      this.#seen = undefined;
    }
  }

  async #create(signal: AbortSignal): Promise<void> {
    const { api, name } = this.#options;
    const now = microTime();
    const body = {
      apiVersion: "coordination.k8s.io/v1",
      kind: "Lease",
      metadata: { name, namespace: api.namespace },
      spec: {
        holderIdentity: this.#identity,
        leaseDurationSeconds: this.#seconds,
        acquireTime: now,
        renewTime: now,
        leaseTransitions: 0,
      },
    };
    const path = this.#path().slice(0, -(name.length + 1));
    this.#note((await api.json({ method: "POST", path, body, signal })) as LeaseObject);
    this.#hold();
  }

  async #write(
    lease: LeaseObject,
    spec: NonNullable<LeaseObject["spec"]>,
    signal: AbortSignal,
  ): Promise<void> {
    const body = { ...lease, spec: { ...lease.spec, leaseDurationSeconds: this.#seconds, ...spec } };
    const written = await this.#options.api.json({ method: "PUT", path: this.#path(), body, signal });
    this.#note(written as LeaseObject);
  }

  #note(lease: LeaseObject): void {
    if (lease.metadata.resourceVersion !== this.#seen?.metadata.resourceVersion)
      this.#since = performance.now();
    this.#seen = lease;
  }

  #hold(): void {
    clearTimeout(this.#doubt);
    this.#doubt = setTimeout(() => this.#lose(), this.#times.belief).unref();
    if (this.#held || this.#stop.signal.aborted) return;
    this.#held = true;
    this.#options.changed(true);
  }

  #lose(): void {
    clearTimeout(this.#doubt);
    if (!this.#held) return;
    this.#held = false;
    this.#options.changed(false);
  }

  #path(): string {
    const { api, name } = this.#options;
    return `/apis/coordination.k8s.io/v1/namespaces/${api.namespace}/leases/${name}`;
  }

  get #seconds(): number {
    return Math.ceil(this.#times.duration / 1_000);
  }
}

/** As `MicroTime` wants it. */
const microTime = (): string => new Date().toISOString().replace("Z", "000Z");
