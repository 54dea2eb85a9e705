import type { Fault } from "../../../../http/fault.ts";
import type { Fields, ResponseHead } from "../../../../http/message.ts";
import type { UpstreamUser } from "../../../upstream/request-upstream.ts";
import type { RequestView } from "../view.ts";
import type { AnswerOutlet, StandingProcessing } from "./exchange.ts";

/** Whoever forwards a request, and gets the answer that processors have made of a backend's. */
export interface ProcessedForward extends UpstreamUser {
  readonly backend: { readonly upstream: { resume(): void } | undefined };
  /** A head has come. @returns false where it is replaced by that of another attempt. */
  holds(head: ResponseHead): boolean;
  /** The head goes to the client. */
  answer(head: ResponseHead, follows: boolean): void;
}

/** Leads a backend's answer past the processors of its request: the last that was asked has it first. */
export class ProcessedUser implements UpstreamUser, AnswerOutlet {
  readonly #forward: ProcessedForward;
  readonly #first: StandingProcessing;
  readonly #last: StandingProcessing;
  /** The backend's answer has come as a whole. */
  isReceived = false;
  #isSwitched = false;

  private constructor(forward: ProcessedForward, processings: readonly StandingProcessing[]) {
    this.#forward = forward;
    this.#first = processings[0]!;
    this.#last = processings.at(-1)!;
    for (const [index, processing] of processings.entries()) {
      const before = processings[index + 1];
      const source = {
        resume: (): void =>
          before === undefined ? forward.backend.upstream?.resume() : before.onwardTakes(before.response),
      };
      processing.join(source, processings[index - 1] ?? this);
    }
  }

  /** @returns undefined where no processor has a say in the request. */
  static of(forward: ProcessedForward, { processings }: RequestView): ProcessedUser | undefined {
    return processings === undefined ? undefined : new ProcessedUser(forward, processings);
  }

  /** The client takes more. */
  resume(): void {
    if (this.#isSwitched) this.#forward.backend.upstream?.resume();
    else this.#first.onwardTakes(this.#first.response);
  }

  answerHead(head: ResponseHead): void {
    this.#forward.answer(head, false);
  }

  answerBody(bytes: Buffer, start: number, end: number, last: boolean): boolean {
    return this.#forward.body(bytes, start, end, last);
  }

  answerEnd(trailers: Fields | undefined): void {
    this.#forward.end(trailers);
  }

  interim(head: ResponseHead): void {
    this.#forward.interim(head);
  }

  response(head: ResponseHead): void {
    if (this.#forward.holds(head)) this.#last.answerHead(head);
  }

  body(bytes: Buffer, start: number, end: number, last: boolean): boolean {
    if (this.#isSwitched) return this.#forward.body(bytes, start, end, last);
    this.isReceived ||= last;
    return this.#last.answerBody(bytes, start, end, last);
  }

  end(trailers: Fields | undefined): void {
    this.isReceived = true;
    if (this.#isSwitched) this.#forward.end(trailers);
    else this.#last.answerEnd(trailers);
  }

  switched(head: ResponseHead): void {
    this.#isSwitched = true;
    this.#forward.switched(head);
  }

  /** The end of a connection that has said all is no news. */
  fail(fault: Fault): void {
    if (!this.isReceived) this.#forward.fail(fault);
  }

  drained(): void {
    this.#forward.drained();
  }

  broke(): void {
    if (!this.isReceived) this.#forward.broke();
  }

  refused(): void {
    if (!this.isReceived) this.#forward.refused();
  }
}
