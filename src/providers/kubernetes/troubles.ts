import type { ProviderLogger } from "../provider.ts";
import type { ApiError } from "./client/api.ts";

/** Tells the log what goes wrong with the API server, once for each outage and each refusal. */
export class Troubles {
  readonly #logger: ProviderLogger;
  readonly #server: string;
  /** The things that were asked for and get no answer now. */
  readonly #away = new Set<string>();
  /** The last refusal of each thing. */
  readonly #refused = new Map<string, string>();

  constructor(logger: ProviderLogger, server: string) {
    this.#logger = logger;
    this.#server = server;
  }

  /** @param what is asked for. @param problem undefined: it works. */
  tell(what: string, problem: ApiError | undefined): void {
    if (problem === undefined) this.#works(what);
    else if (problem.status === 0 || problem.status === 429 || problem.status >= 500)
      this.#isAway(what, problem.message);
    else {
      this.#answers(what);
      this.#refuses(what, problem);
    }
  }

  /** It is not asked for any more. */
  forget(what: string): void {
    this.#away.delete(what);
    this.#refused.delete(what);
  }

  #isAway(what: string, cause: string): void {
    if (this.#away.size === 0)
      this.#logger.warn(
        { server: this.#server, what, cause },
        "the API server is away; what is known is served on",
      );
    this.#away.add(what);
  }

  #answers(what: string): void {
    if (this.#away.delete(what) && this.#away.size === 0)
      this.#logger.info({ server: this.#server }, "the API server answers again");
  }

  #works(what: string): void {
    this.#answers(what);
    if (this.#refused.delete(what)) this.#logger.info({ what }, "the API server grants a request again");
  }

  #refuses(what: string, { status, message }: ApiError): void {
    if (this.#refused.get(what) === message) return;
    this.#refused.set(what, message);
    const fields = { what, cause: message };
    // A cluster needs not have every kind.
    if (status === 404) this.#logger.info(fields, "the cluster does not have a kind of object");
    else this.#logger.warn(fields, "the API server refuses a request");
  }
}
