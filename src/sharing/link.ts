import { isIP } from "node:net";
import { Redis, type RedisOptions } from "ioredis";
import type { Logger } from "pino";
import type { SharedStore } from "../model/http/guard.ts";
import type { CountCall, Counter } from "./counts.ts";
import { countScript, countScriptName } from "./script.ts";

/** Until a store that is away is tried again: from the shortest time to the longest, in milliseconds. */
const shortestWait = 100;
const longestWait = 5_000;
/** Time for a connection to be made, in milliseconds. */
const longestConnecting = 5_000;

/** The connection to one store, which is made anew as often as it is lost. Nothing waits for a store that is away. */
export class StoreLink implements Counter {
  readonly #redis: Redis;
  readonly #logger: Logger;
  /** The fault of the store; undefined: it has none. */
  #fault: string | undefined = "it is not connected yet";
  #isSaid = false;

  constructor(settings: SharedStore, logger: Logger) {
    this.#logger = logger.child({ store: nameOfStore(settings) });
    this.#redis = new Redis(optionsOf(settings))
      .on("ready", () => void this.count(nothing).catch(() => {}))
      .on("error", (error: Error) => this.#isAway(error))
      .on("close", () => this.#isAway(new Error("the connection ended")));
  }

  /** Whether it takes counts. */
  get isUp(): boolean {
    return this.#fault === undefined;
  }

  async count(call: CountCall): Promise<readonly number[]> {
    if (this.#redis.status !== "ready") throw new Error(this.#fault ?? "the connection ends");
    try {
      const ahead = readTimes(await callScript(this.#redis, call), call.keys.length);
      this.#isGood();
      return ahead;
    } catch (error) {
      // Its answer may yet come; a new connection has no old ones to wait for.
      if ((error as Error).message === "Command timed out") this.#redis.disconnect(true);
      this.#isAway(error as Error);
      throw error;
    }
  }

  close(): void {
    this.#redis.removeAllListeners().on("error", () => {});
    this.#redis.disconnect();
  }

  /** Logged once. */
  #isAway({ message }: Error): void {
    this.#fault = message;
    if (this.#isSaid) return;
    this.#isSaid = true;
    this.#logger.warn(
      { cause: message },
      "the store of rate limits takes no counts; each machine counts for itself",
    );
  }

  #isGood(): void {
    this.#fault = undefined;
    if (this.#isSaid) this.#logger.info("the store of rate limits takes counts again");
    this.#isSaid = false;
  }
}

/** Shows whether the store takes counts, and lets it know the script. */
const nothing: CountCall = { keys: [], values: ["1", "1"] };

/** For people. */
export const nameOfStore = ({ host, port }: SharedStore): string => `${host}:${port}`;

function optionsOf({ host, port, username, password, database, tls, timeout }: SharedStore) {
  return {
    host,
    port,
    username,
    password,
    db: database,
    tls: tls && { ...tls, ...(isIP(host) === 0 && { servername: host }) },
    // The version of the protocol that Redis before 6 and all of its kin know.
    protocol: 2,
    disableClientInfo: true,
    enableReadyCheck: false,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    commandTimeout: timeout,
    connectTimeout: longestConnecting,
    retryStrategy: (times: number) => Math.min(shortestWait * 2 ** (times - 1), longestWait),
  } as const satisfies RedisOptions;
}

/** Has the script run, which a store is sent that does not know it. */
function callScript(redis: Redis, { keys, values }: CountCall): Promise<unknown> {
  return redis.evalsha(countScriptName, keys.length, ...keys, ...values).catch((error: Error) => {
    if (!error.message.startsWith("NOSCRIPT")) throw error;
    return redis.eval(countScript, keys.length, ...keys, ...values);
  });
}

/** @throws where the answer is another one. */
function readTimes(reply: unknown, count: number): readonly number[] {
  const times = Array.isArray(reply) ? reply.map(Number) : [];
  if (times.length !== count || !times.every(Number.isFinite))
    throw new Error("the answer is not a list of times");
  return times;
}
