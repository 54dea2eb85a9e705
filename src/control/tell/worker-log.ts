import type { Logger } from "../../observe/logger.ts";
import type { Death } from "../workers/supervisor.ts";

/** The lines of the log about what goes wrong with workers. */
export class WorkerLog {
  readonly #logger: Logger;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** Something went wrong in a worker that goes on. */
  trouble(worker: number, what: string, error: Error): void {
    this.#logger.error({ worker, err: error }, what);
  }

  notHandedOver(address: string, error: Error): void {
    this.#logger.error({ address, err: error }, "a connection could not be handed to a worker");
  }

  refuses(worker: number, version: number, cause: string): void {
    const message = "a worker refuses a snapshot and goes on with its last one";
    this.#logger.error({ worker, version, cause }, message);
  }

  died({ worker, error, backoff, leftOpen }: Death): void {
    const fate = backoff === undefined ? "is not replaced while draining" : "is replaced";
    const ends =
      leftOpen === 0
        ? "its sessions were reset"
        : "the system closed the connections that it left open, without a line for each; over plain TCP that looks like a clean end";
    this.#logger.error(
      { worker, err: error, again_in_ms: backoff, left_open: leftOpen },
      `a worker died and ${fate}; ${ends}`,
    );
  }
}
