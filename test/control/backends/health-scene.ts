import { type Logger, pino } from "pino";
import { backendCell } from "../../../src/channel/counters.ts";
import { backendFlag, createSharedMemory, mayBePicked } from "../../../src/channel/memory.ts";
import { WorkerCounters } from "../../../src/channel/worker-counters.ts";
import { HealthMonitor } from "../../../src/control/backends/health.ts";
import { Store } from "../../../src/control/state/store.ts";
import type { HealthCheck } from "../../../src/health/check.ts";
import { formatAddress } from "../../../src/lib/address.ts";
import type { Backend } from "../../../src/model/backend.ts";
import type { CheckSpec, HealthPolicy } from "../../../src/model/health.ts";
import type { Model } from "../../../src/model/model.ts";
import type { LabelledTransport } from "../../../src/model/transport.ts";
import { FakeTimers } from "../../support/fake-timers.ts";

export const tcpCheck: CheckSpec = {
  type: "tcp",
  interval: 5_000,
  timeout: 2_000,
  rise: 2,
  fall: 3,
  address: undefined,
  port: undefined,
  proxyProtocol: undefined,
};

export const policy: HealthPolicy = {
  check: undefined,
  outlier: {
    enabled: true,
    consecutiveErrors: 5,
    base: 30_000,
    max: 300_000,
    maxPercent: 50,
    successRate: { minBackends: 5, minRequests: 100, deviations: 1.9 },
  },
  panicThreshold: 0,
};

export function backendAt(port: number, tier = 0): Backend {
  const target = { kind: "tcp", host: "127.0.0.1", port } as const;
  return { address: formatAddress(target), target, weight: 1, tier };
}

/** A monitor of one pool, with a clock, checks and a log in the test's hands. */
export class HealthScene {
  readonly timers = new FakeTimers();
  readonly shared = createSharedMemory();
  readonly counters = new WorkerCounters(1);
  readonly memory = this.counters.memories[0]!;
  readonly log: Record<string, unknown>[] = [];
  readonly logger: Logger = pino(
    { base: null, timestamp: false },
    { write: (line: string) => this.log.push(JSON.parse(line)) },
  );
  /** By address: why a check fails, or that it hangs. Others pass. */
  readonly faults = new Map<string, Error | "hangs">();
  /** When which backend was checked. */
  readonly checks: { readonly at: number; readonly address: string }[] = [];
  /** Which backend was checked in which way: with which PROXY header, or `plain`. */
  readonly ways: string[] = [];
  readonly store: Store;
  readonly monitor: HealthMonitor;
  policy: HealthPolicy;

  constructor(
    settings: Partial<HealthPolicy> & {
      readonly slowStart?: number;
      readonly overprovisioning?: number;
      readonly transports?: readonly LabelledTransport[];
    },
    backends: readonly Backend[],
    random: () => number = () => 0.5,
  ) {
    const { slowStart = 0, overprovisioning, transports, ...given } = settings;
    this.policy = { ...policy, ...given };
    const pool = {
      name: "api",
      picker: { type: "random" },
      slowStart,
      overprovisioning,
      transports,
      connect: { timeout: 1, attempts: 1 },
      health: this.policy,
    };
    const model = {
      listeners: [],
      pools: [{ ...pool, discovery: { type: "static", backends: [] } }],
      routeTables: [],
    };
    this.store = new Store(model as unknown as Model, new Map(), this.shared, this.counters);
    this.monitor = new HealthMonitor({
      pool: (name) => this.store.pool(name),
      shared: this.shared,
      memories: this.counters.memories,
      logger: this.logger,
      timers: this.timers,
      random,
      create: (spec) => ({
        check: (target, done) => {
          this.ways.push(`${formatAddress(target.target)} ${spec.proxyProtocol ?? "plain"}`);
          return this.#check.check(target, done);
        },
      }),
    });
    this.found(backends);
  }

  /** Discovery finds these. */
  found(backends: readonly Backend[]): void {
    this.store.settle(Number.POSITIVE_INFINITY);
    this.store.setBackends("api", backends);
    this.update();
  }

  update(): void {
    const pool = this.store.pool("api");
    if (pool !== undefined) pool.config = { ...pool.config, health: this.policy };
    const { pools, left } = this.store.takeTouched();
    this.monitor.follow({ pools: pools.add("api"), left });
  }

  slot(port: number): number {
    const address = `127.0.0.1:${port}`;
    return this.store.snapshot.pools[0]!.backends.find((backend) => backend.address === address)!.slot;
  }

  has(port: number, flag: keyof typeof backendFlag): boolean {
    return (this.shared.backendFlags[this.slot(port)]! & backendFlag[flag]) !== 0;
  }

  mayPick(port: number): boolean {
    return mayBePicked(this.shared.backendFlags[this.slot(port)]!);
  }

  /** How much of its weight it has, in percent. */
  weight(port: number): number {
    return 100 - this.shared.backendWithheld[this.slot(port)]!;
  }

  /** Sessions fail on it. */
  errors(port: number, count: number): void {
    this.shared.backendErrors[this.slot(port)] = count;
  }

  /** Sessions and requests fare so on it. */
  fares(port: number, served: number, failed: number): void {
    const { counters } = this.store.snapshot.pools[0]!.backends.find(({ slot }) => slot === this.slot(port))!;
    const memory = this.counters.memories[0]!;
    memory[counters + backendCell.served]! += served;
    memory[counters + backendCell.failed]! += failed;
  }

  get messages(): string[] {
    return this.log.map(({ msg, backend, cause }) => [msg, backend, cause].filter(Boolean).join(" | "));
  }

  readonly #check: HealthCheck = {
    check: ({ target }, done) => {
      const address = formatAddress(target);
      this.checks.push({ at: this.timers.now(), address });
      const fault = this.faults.get(address);
      let over = fault === "hangs";
      queueMicrotask(() => over || done(fault as Error | undefined));
      return () => {
        over = true;
      };
    },
  };
}
