import type { BodyReceiver } from "../../../../http/message.ts";
import type { AskedBody } from "../../../../model/http/guard.ts";
import { Settlement } from "../../../guard/settlement.ts";
import type { Verdict, Waiter, Waiting } from "../../../guard/step.ts";
import { letBodyCome } from "../process/let-body-come.ts";
import { ProcessedHead } from "../process/processed-head.ts";
import type { RequestBody } from "../request-body.ts";
import type { RequestView } from "../view.ts";

/** The part of a request's body that a server gets. */
export interface HeldBody {
  /** Valid until there is a verdict. */
  readonly bytes: Buffer;
  /** There is more of it. */
  readonly isPart: boolean;
}

/** The question that follows once the body is there. */
type Ask = (body: HeldBody, waiter: Waiter) => Verdict | Waiting;

/** Waits for as much of a request's body as a server is to get, then asks. All of the body stays for the backend. */
export class BodyFirst implements Waiting, BodyReceiver {
  readonly kind = "wait";
  readonly #view: RequestView;
  readonly #terms: AskedBody;
  readonly #ask: Ask;
  readonly #body: RequestBody;
  readonly #settlement: Settlement;
  #came = 0;
  #isThere = false;
  #question: Waiting | undefined = undefined;

  private constructor(view: RequestView, terms: AskedBody, waiter: Waiter, ask: Ask) {
    this.#view = view;
    this.#terms = terms;
    this.#ask = ask;
    this.#body = view.exchange!.body;
    this.#settlement = new Settlement(waiter);
  }

  static begin(view: RequestView, terms: AskedBody, waiter: Waiter, ask: Ask): Verdict | Waiting {
    if (view.head.length > terms.most && !terms.mayBePart) return tooLong;
    return new BodyFirst(view, terms, waiter, ask).#begin();
  }

  #begin(): Verdict | Waiting {
    const { exchange } = this.#view;
    letBodyCome(this.#view, ProcessedHead.of(this.#view), exchange!.client);
    // This bounds it.
    this.#body.keep(Number.POSITIVE_INFINITY);
    if (this.#body.flow(this, false) && !this.#isThere) exchange!.takesMore();
    return this.#settlement.asked(this);
  }

  get awaitsClient(): boolean {
    return !this.#isThere;
  }

  body(_bytes: Buffer, start: number, end: number, last: boolean): boolean {
    if (this.#isThere) return false;
    this.#came += end - start;
    const { most, mayBePart } = this.#terms;
    if (this.#came > most && !mayBePart) {
      this.#stop();
      this.#settlement.settle(tooLong);
    } else if (last || (mayBePart && this.#came >= most)) this.#go();
    return !this.#isThere;
  }

  end(): void {
    if (!this.#isThere) this.#go();
  }

  #stop(): void {
    this.#isThere = true;
    this.#body.stop();
    this.#body.keep(0);
  }

  #go(): void {
    this.#stop();
    const { most } = this.#terms;
    const bytes = this.#body.held.subarray(0, most);
    const verdict = this.#ask({ bytes, isPart: this.#came > most }, this.#settlement);
    if (verdict.kind === "wait") this.#question = verdict;
    else this.#settlement.settle(verdict);
  }

  endIfOverdue(now: number): void {
    this.#question?.endIfOverdue(now);
  }

  vacate(slot: number): void {
    this.#question?.vacate?.(slot);
  }

  withdraw(): void {
    this.#isThere = true;
    this.#settlement.withdraw();
    this.#question?.withdraw();
  }
}

const tooLong: Verdict = {
  kind: "refuse",
  reason: "body_too_large",
  detail: "a server is to be asked with it",
};
