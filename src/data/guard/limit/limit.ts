import type { KeyedRate } from "../../../model/http/guard.ts";
import type { PlacedRateLimit } from "../../../model/snapshot.ts";
import { type GuardedRequest, type Held, pass, type Verdict } from "../step.ts";
import { RateFields } from "./fields.ts";
import { type CompiledKey, compileKey, hashKey, keyText, textOf } from "./key.ts";
import { bucketOf, LimitTable, type Taken, type Taking } from "./table.ts";
import type { Tally } from "./tally.ts";

/** A rate for certain requests, ready to count. */
interface ServedRate {
  readonly key: CompiledKey;
  readonly taking: Taking;
  /** In requests per millisecond. */
  readonly speed: number;
  readonly looksOn: boolean;
  /** Undefined: nobody is told of it. */
  readonly fields: RateFields | undefined;
  /** Whether answers to requests that pass tell of it, too. */
  readonly isTold: boolean;
}

/** A rate of a request, with the text of its key. */
interface Due {
  readonly rate: ServedRate;
  readonly text: string;
}

/** Holds requests to a rate, and to a number of those that are under way, by a key that they have. */
export class LimitJudge {
  readonly #limit: PlacedRateLimit;
  readonly #table: LimitTable;
  readonly #keys: readonly CompiledKey[];
  readonly #rates: readonly (readonly ServedRate[])[];
  /** Of `rate`; undefined: there is none, or nobody is told of it. */
  readonly #fields: RateFields | undefined;
  readonly #tally: Tally | undefined;
  /** The way of requests that only count while they are under way. */
  readonly #unrated: Taking;

  /**
   * @param worker 1 to count of workers. @param tally told of all that passes; undefined: nobody wants to know.
   * @throws where it has a regular expression, and {@link loadRegexes} was not awaited.
   */
  constructor(limit: PlacedRateLimit, worker: number, tally?: Tally) {
    const { rate, burst, fields } = limit;
    this.#limit = limit;
    this.#tally = tally;
    this.#unrated = { bucket: undefined, tokens: 1, most: limit.concurrent };
    this.#table = new LimitTable(limit.table, worker, limit);
    this.#keys = limit.key.map((parts, index) => compileKey(parts, String(index)));
    this.#rates = (limit.rates ?? []).map((group) => group.map((each) => served(each, limit)));
    if (rate !== undefined && fields !== "never") this.#fields = new RateFields(limit, { rate, burst });
  }

  judge(request: GuardedRequest): Verdict {
    const { counted = 100, always, rate, concurrent, seed } = this.#limit;
    if (counted < 100 && Math.random() * 100 >= counted) return pass;
    const due = this.#rates.length === 0 ? nothing : this.#due(request);
    let told = "";
    for (const each of due) {
      const taken = this.#table.take(hashKey(each.text, seed), each.rate.taking);
      if (taken.kind !== "ok" && !each.rate.looksOn) return this.#over(taken, each.rate);
      if (each === due[0] && each.rate.isTold) told = each.rate.fields?.lines(taken) ?? "";
    }
    const isRated = rate !== undefined && (due.length === 0 || always === true);
    if (!isRated && concurrent === undefined) return passing(told);
    return this.#judgeOwn(request, isRated, due.length > 0 ? told : undefined);
  }

  /** @param told fields that the answer has; undefined: those of the limit itself. */
  #judgeOwn(request: GuardedRequest, isRated: boolean, told: string | undefined): Verdict {
    const { seed, fields } = this.#limit;
    const text = keyText(this.#keys, request);
    if (text === undefined) return passing(told ?? "");
    const hashed = hashKey(text, seed);
    const taken = this.#table.take(hashed, isRated ? undefined : this.#unrated);
    if (taken.kind !== "ok") return this.#over(taken, { fields: this.#fields, isTold: fields === "always" });
    this.#tally?.add(text, hashed);
    const held = taken.place < 0 ? undefined : new HeldPlace(this.#table, taken.place);
    const lines = told ?? (fields === "always" ? (this.#fields?.lines(taken) ?? "") : "");
    return lines === "" ? { kind: "pass", held } : { kind: "pass", held, responseLines: lines };
  }

  /** The rates that count for a request, the slowest first: what it refuses costs the others nothing. */
  #due(request: GuardedRequest): readonly Due[] {
    const due: Due[] = [];
    for (const group of this.#rates)
      for (const rate of group) {
        const text = textOf(rate.key, request);
        if (text === undefined) continue;
        due.push({ rate, text });
        break;
      }
    return due.length > 1 ? due.sort((one, other) => one.rate.speed - other.rate.speed) : due;
  }

  #over(taken: Taken, { fields, isTold }: Pick<ServedRate, "fields" | "isTold">): Verdict {
    const { refusal, concurrent, enforced = 100, spared } = this.#limit;
    const told = taken.kind === "busy" ? "" : (fields?.lines(taken) ?? "");
    if (enforced < 100 && Math.random() * 100 >= enforced)
      return {
        kind: "pass",
        ...(spared && { requestLines: spared.lines, replaces: spared.replaces }),
        ...(isTold && { responseLines: told }),
      };
    const detail = taken.kind === "busy" ? `${concurrent} are under way` : "over the rate";
    const wait = taken.kind === "busy" ? 1 : Math.max(1, Math.ceil(taken.next / 1_000));
    const lines = `retry-after: ${wait}\r\n${told}${refusal?.lines ?? ""}`;
    return { kind: "refuse", reason: "rate_limited", detail, lines, status: refusal?.status };
  }
}

const nothing: readonly Due[] = [];

const passing = (lines: string): Verdict => (lines === "" ? pass : { kind: "pass", responseLines: lines });

function served(each: KeyedRate, limit: PlacedRateLimit): ServedRate {
  const { key, name, rate, burst, cost, looksOn = false, tells } = each;
  return {
    // No key of the limit itself begins so.
    key: compileKey(key, `rate ${name}`, true),
    taking: { bucket: bucketOf({ rate, burst }), tokens: cost, most: undefined },
    speed: rate.requests / rate.period,
    looksOn,
    fields: (tells ?? limit.fields !== "never") ? new RateFields(limit, { rate, burst }) : undefined,
    isTold: tells ?? limit.fields === "always",
  };
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
