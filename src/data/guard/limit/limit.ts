import type { PlacedRateLimit } from "../../../model/snapshot.ts";
import type { GuardedRequest, Held, Verdict } from "../step.ts";
import { hashKey, keyText } from "./key.ts";
import { LimitTable, type Taken } from "./table.ts";
import type { Tally } from "./tally.ts";

/** Holds requests to a rate, and to a number of those that are under way, by a key that they have. */
export class LimitJudge {
  readonly #limit: PlacedRateLimit;
  readonly #table: LimitTable;
  readonly #policy: string;
  readonly #own: string;
  readonly #tally: Tally | undefined;

  /** @param worker 1 to count of workers. @param tally told of all that passes; undefined: nobody wants to know. */
  constructor(limit: PlacedRateLimit, worker: number, tally?: Tally) {
    const { rate, burst, name } = limit;
    this.#limit = limit;
    this.#tally = tally;
    this.#table = new LimitTable(limit.table, worker, limit);
    // A String of structured fields (RFC 9651 section 3.3.3).
    this.#own = name.slice(name.indexOf(".") + 1).replaceAll(/[^\x20-\x7e]|["\\]/g, "?");
    const window =
      rate === undefined ? 0 : Math.max(1, Math.ceil((burst * rate.period) / rate.requests / 1_000));
    this.#policy = `ratelimit-policy: "${this.#own}";q=${burst};w=${window}\r\n`;
  }

  judge(request: GuardedRequest): Verdict {
    const { key, seed, fields } = this.#limit;
    const text = keyText(key, request);
    if (text === undefined) return { kind: "pass" };
    const hashed = hashKey(text, seed);
    const taken = this.#table.take(hashed);
    if (taken.kind !== "ok") return this.#refusal(taken);
    this.#tally?.add(text, hashed);
    const held = taken.place < 0 ? undefined : new HeldPlace(this.#table, taken.place);
    if (fields !== "always" || this.#limit.rate === undefined) return { kind: "pass", held };
    return { kind: "pass", held, responseLines: this.#lines(taken) };
  }

  #refusal(taken: Taken): Verdict {
    const detail = taken.kind === "busy" ? `${this.#limit.concurrent} are under way` : "over the rate";
    const wait = taken.kind === "busy" ? 1 : Math.max(1, Math.ceil(taken.next / 1_000));
    const told = taken.kind === "busy" || this.#limit.fields === "never" ? "" : this.#lines(taken);
    const { refusal } = this.#limit;
    const lines = `retry-after: ${wait}\r\n${told}${refusal?.lines ?? ""}`;
    return { kind: "refuse", reason: "rate_limited", detail, lines, status: refusal?.status };
  }

  /** The fields of draft-ietf-httpapi-ratelimit-headers-10. */
  #lines({ left, next, full }: Taken): string {
    const reset = Math.ceil((left > 0 ? full : next) / 1_000);
    return `${this.#policy}ratelimit: "${this.#own}";r=${left};t=${reset}\r\n`;
  }
}

/** A request is under way until it is given back. */
class HeldPlace implements Held {
  readonly #table: LimitTable;
  readonly #place: number;

  constructor(table: LimitTable, place: number) {
    this.#table = table;
    this.#place = place;
  }

  giveBack(): void {
    this.#table.leave(this.#place);
  }
}
