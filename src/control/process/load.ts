import { totalmem } from "node:os";
import {
  longestDelay,
  memoryShort,
  mostMemory,
  mostRequests,
  noLimit,
  type SharedMemory,
} from "../../channel/memory.ts";
import type { OverloadPolicy } from "../../model/overload.ts";
import type { Logger } from "../../observe/logger.ts";

/** How often it is looked how much memory is used, in milliseconds. */
const period = 1_000;
/** Requests are taken again below the limit by so many percent, so that it does not go to and fro. */
const relief = 5;

/** Where workers find the limits. */
export function writeLimits({ process }: SharedMemory, policy: OverloadPolicy): void {
  Atomics.store(process, mostRequests, policy.maxRequests ?? noLimit);
  Atomics.store(process, longestDelay, policy.eventLoopDelay ?? noLimit);
  Atomics.store(process, mostMemory, policy.memory ?? noLimit);
}

/** The memory that the process may use, in bytes: that of its control group, or of the machine. */
export function usableMemory(): number {
  const constrained = process.constrainedMemory();
  return constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
}

/** Tells workers when the process has too little memory left for new requests. */
export class MemoryWatch {
  readonly #shared: SharedMemory;
  readonly #logger: Logger;
  readonly #read: () => number;
  readonly #usable: number;
  #timer: NodeJS.Timeout | undefined;

  /** @param read the memory that the process uses, in bytes. @param usable what it may use. */
  constructor(
    shared: SharedMemory,
    logger: Logger,
    read: () => number = () => process.memoryUsage.rss(),
    usable: number = usableMemory(),
  ) {
    this.#shared = shared;
    this.#logger = logger;
    this.#read = read;
    this.#usable = usable;
  }

  start(): void {
    this.#timer ??= setInterval(() => this.look(), period).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  look(): void {
    const { process } = this.#shared;
    const limit = Atomics.load(process, mostMemory);
    const wasShort = Atomics.load(process, memoryShort) === 1;
    const used = limit === noLimit ? 0 : (this.#read() * 100) / this.#usable;
    const isShort = used > (wasShort ? limit - relief : limit);
    if (isShort === wasShort) return;
    Atomics.store(process, memoryShort, isShort ? 1 : 0);
    const fields = { used_percent: Math.round(used), memory: limit === noLimit ? "off" : limit };
    if (isShort) this.#logger.warn(fields, "memory is short; new requests are refused");
    else this.#logger.info(fields, "there is memory again; requests are taken");
  }
}
