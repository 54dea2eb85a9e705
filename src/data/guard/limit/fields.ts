import type { LimitRate, RateLimit } from "../../../model/http/guard.ts";
import type { Taken } from "./table.ts";

/** The fields that tell clients of a rate, as lines. */
export class RateFields {
  readonly #begin: string;
  readonly #isDraft: boolean;

  /** @param name of the limit: `rate_limits.x`. */
  constructor({ name, form }: Pick<RateLimit, "name" | "form">, { rate, burst }: LimitRate) {
    this.#isDraft = form === undefined;
    // A String of structured fields (RFC 9651 section 3.3.3).
    const own = name.slice(name.indexOf(".") + 1).replaceAll(/[^\x20-\x7e]|["\\]/g, "?");
    const window = Math.max(1, Math.ceil((burst * rate.period) / rate.requests / 1_000));
    this.#begin = this.#isDraft
      ? `ratelimit-policy: "${own}";q=${burst};w=${window}\r\nratelimit: "${own}";r=`
      : `x-ratelimit-limit: ${burst}\r\nx-ratelimit-remaining: `;
  }

  /** Those of draft-ietf-httpapi-ratelimit-headers-10, or the ones that were before it: Envoy's, where the reset is that of the next token. */
  lines({ left, next, full }: Taken): string {
    const reset = Math.ceil((left > 0 ? (this.#isDraft ? full : 0) : next) / 1_000);
    return this.#isDraft
      ? `${this.#begin}${left};t=${reset}\r\n`
      : `${this.#begin}${left}\r\nx-ratelimit-reset: ${reset}\r\n`;
  }
}
