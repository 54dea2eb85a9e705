import { hash } from "node:crypto";
import { cellsOfKey, type PassedRequests } from "../../../model/http/passed.ts";
import type { LimitKey } from "./table.ts";

/** Time between two reports, in milliseconds. */
const round = 50;
/** Keys of one report. */
const mostKeys = 16_384;

interface Passed extends LimitKey {
  count: number;
}

/** Sums up what a limit lets through, and reports it in rounds: no request waits for that, and none is reported alone. */
export class Tally {
  readonly #limit: string;
  readonly #report: (passed: PassedRequests) => void;
  #passed = new Map<string, Passed>();
  #untold = 0;
  #timer: NodeJS.Timeout | undefined = undefined;

  /** @param limit its name. */
  constructor(limit: string, report: (passed: PassedRequests) => void) {
    this.#limit = limit;
    this.#report = report;
  }

  /** A request has passed. @param text its key. */
  add(text: string, { high, low }: LimitKey): void {
    const known = this.#passed.get(text);
    if (known !== undefined) known.count++;
    else if (this.#passed.size < mostKeys) this.#passed.set(text, { high, low, count: 1 });
    else this.#untold++;
    this.#timer ??= setTimeout(this.#tell, round);
  }

  readonly #tell = (): void => {
    this.#timer = undefined;
    const passed = this.#passed;
    const cells = new Int32Array(passed.size * cellsOfKey);
    let next = 0;
    for (const { high, low, count } of passed.values()) {
      cells[next++] = high;
      cells[next++] = low;
      cells[next++] = count;
    }
    this.#report({ limit: this.#limit, keys: [...passed.keys()].map(nameOf), cells, untold: this.#untold });
    this.#passed = new Map();
    this.#untold = 0;
  };
}

/** The same on all machines. Texts may be as long as heads: they stay here, and so no field of a request gets into a store. */
const nameOf = (text: string): string => hash("sha256", text, "base64url").slice(0, 22);
