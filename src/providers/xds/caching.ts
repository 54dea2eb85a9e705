import type { ProviderLogger } from "../provider.ts";
import type { CacheFile, Kept } from "./cache.ts";
import type { Carrier } from "./carrier.ts";
import { StreamClient } from "./client.ts";

/** Least time between a change and the file that has it, in milliseconds. */
const settle = 1_000;
/** Writing takes at most one part in so many of the time of the main thread. */
const share = 20;

/** Keeps the good resources of control planes in a file, and writes it anew some time after a change. */
export class Caching {
  readonly #file: CacheFile;
  readonly #carriers: () => ReadonlyMap<string, Carrier>;
  readonly #logger: ProviderLogger | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** How long the last write took, in milliseconds. */
  #took = 0;
  #writing = false;
  #stopped = false;

  constructor(
    file: CacheFile,
    carriers: () => ReadonlyMap<string, Carrier>,
    logger: ProviderLogger | undefined,
  ) {
    this.#file = file;
    this.#carriers = carriers;
    this.#logger = logger;
  }

  /** Resources from before the restart; none where the file can't be used, which is logged. Never rejects. */
  async load(): Promise<readonly Kept[]> {
    try {
      const kept = await this.#file.load();
      if (kept.length > 0)
        this.#logger?.info({ resources: kept.length }, "the last good state of the control plane is read");
      return kept;
    } catch (error) {
      this.#logger?.warn({ err: error }, "the last good state of the control plane can't be read");
      return [];
    }
  }

  /** There is something else to keep. */
  changed(): void {
    if (this.#stopped || this.#timer !== undefined) return;
    const wait = Math.max(settle, this.#took * share);
    this.#timer = setTimeout(() => void this.#write(), wait).unref();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  async #write(): Promise<void> {
    this.#timer = undefined;
    // The state of afterwards is written afterwards.
    if (this.#writing) return this.changed();
    this.#writing = true;
    const began = performance.now();
    try {
      await this.#file.save(this.#kept());
    } catch (error) {
      this.#logger?.warn({ err: error }, "the last good state of the control plane can't be written");
    }
    this.#took = performance.now() - began;
    this.#writing = false;
  }

  #kept(): readonly Kept[] {
    const kept: Kept[] = [];
    for (const [origin, carrier] of this.#carriers()) {
      if (!(carrier instanceof StreamClient)) continue;
      for (const [kind, { good }] of carrier.resources)
        for (const { name, version, bytes, isSecret } of good.values())
          if (!this.#file.omitsSecrets || !isSecret) kept.push({ kind, origin, name, version, bytes });
    }
    return kept;
  }
}
