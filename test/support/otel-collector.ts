import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { projectRoot } from "./command.ts";
import { endWithTest } from "./end-with-test.ts";
import { freePorts } from "./free-ports.ts";

const source = join(projectRoot, "test/support/collector");
const folder = join(projectRoot, "node_modules/.cache/otel-collector");
const buildTime = 600_000;

/** The program of the collector, which Go builds once. @returns undefined where it can't. */
export function findCollector(): string | undefined {
  const program = join(folder, "v0.165.0");
  if (existsSync(program)) return program;
  mkdirSync(folder, { recursive: true });
  const env = { ...process.env, GOFLAGS: "-p=1" };
  const options = { cwd: source, env, timeout: buildTime, stdio: "ignore" } as const;
  return spawnSync("go", ["build", "-o", program, "."], options).status === 0 ? program : undefined;
}

/** One request as the collector understood it, in its own JSON. */
export interface Understood {
  readonly resourceSpans?: readonly {
    readonly scopeSpans: readonly { readonly spans: readonly UnderstoodSpan[] }[];
  }[];
  readonly resourceMetrics?: readonly {
    readonly scopeMetrics: readonly { readonly metrics: readonly UnderstoodMetric[] }[];
  }[];
}

export interface UnderstoodSpan {
  readonly traceId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly flags: number;
  readonly attributes: readonly { readonly key: string; readonly value: Readonly<Record<string, unknown>> }[];
}

export interface UnderstoodMetric {
  readonly name: string;
  readonly unit: string;
  readonly gauge?: { readonly dataPoints: readonly { readonly attributes?: unknown }[] };
  readonly sum?: {
    readonly dataPoints: readonly { readonly attributes?: unknown }[];
    readonly isMonotonic: boolean;
  };
  readonly histogram?: {
    readonly dataPoints: readonly {
      readonly attributes?: unknown;
      readonly count?: string;
      readonly bucketCounts: readonly string[];
      readonly explicitBounds: readonly number[];
      readonly exemplars?: readonly { readonly traceId: string; readonly asDouble: number }[];
    }[];
  };
}

/** The OpenTelemetry Collector's receiver, as a process of its own. */
export class Collector implements Disposable {
  readonly address: string;
  readonly understood: Understood[] = [];
  readonly #end: () => void;

  private constructor(address: string, end: () => void) {
    this.address = address;
    this.#end = end;
  }

  static async start(program: string): Promise<Collector> {
    const [port] = await freePorts(1);
    const address = `127.0.0.1:${port}`;
    const child = endWithTest(spawn(program, [address], { stdio: ["ignore", "pipe", "inherit"] }));
    const lines = createInterface({ input: child.stdout! });
    const collector = new Collector(address, () => {
      // The last one is cut.
      lines.removeAllListeners("line");
      child.kill("SIGKILL");
    });
    const listening = Promise.withResolvers<void>();
    lines
      .on("line", (line) => {
        const told = JSON.parse(line) as Understood & { readonly listening?: true };
        if (told.listening) listening.resolve();
        else collector.understood.push(told);
      })
      .once("close", () => listening.reject(new Error("the collector does not start")));
    await listening.promise;
    return collector;
  }

  get spans(): readonly UnderstoodSpan[] {
    return this.understood.flatMap(({ resourceSpans = [] }) =>
      resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans)),
    );
  }

  get metrics(): readonly UnderstoodMetric[] {
    return this.understood.flatMap(({ resourceMetrics = [] }) =>
      resourceMetrics.flatMap(({ scopeMetrics }) => scopeMetrics.flatMap(({ metrics }) => metrics)),
    );
  }

  [Symbol.dispose](): void {
    this.#end();
  }
}
