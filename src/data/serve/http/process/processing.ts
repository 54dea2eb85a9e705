import type { Fields, ResponseHead } from "../../../../http/message.ts";
import type { Processor } from "../../../../model/http/processing.ts";
import type { ServedPool } from "../../../dispatch/pool.ts";
import { Settlement } from "../../../guard/settlement.ts";
import type { Refusal, Verdict, Waiter, Waiting } from "../../../guard/step.ts";
import type { HttpPlane } from "../plane.ts";
import type { RequestBody } from "../request-body.ts";
import type { RequestView } from "../view.ts";
import { AnswerTime } from "./answer-time.ts";
import { type HeadMutation, type ProcessorAnswer, readAnswer } from "./answers.ts";
import { Backlog } from "./backlog.ts";
import type { HeadChanger } from "./changes.ts";
import type { AnswerOutlet, ProcessedExchange, StandingProcessing } from "./exchange.ts";
import { readAnswerText } from "./json-messages.ts";
import { type ModeChange, Modes } from "./modes.ts";
import { ownAnswerOf } from "./own-answer.ts";
import type { Place } from "./places.ts";
import type { PortOwner } from "./port-owner.ts";
import { ProcessedAnswer } from "./processed-answer.ts";
import { outOfOrder, ProcessedMessage } from "./processed-message.ts";
import { ProcessedRequest } from "./processed-request.ts";
import { ProcessorCall } from "./processor-call.ts";
import { ProcessorPosts } from "./processor-posts.ts";
import type { Direction, Part } from "./questions.ts";
import type { Talk, TalkOwner, TalkPlace } from "./talk.ts";
import { Telling, type Told } from "./telling.ts";

/** Bytes that wait for a processor that only looks on, before it gets no more. */
const mostBehind = 1_048_576;

/** How long a call may take to end behind its request, and one of a processor that only looks on, in milliseconds, as in Envoy. */
const [usualEnd, longestEnd] = [1_000, 5_000];

/** A processor at work. */
export interface Work extends Told {
  readonly plane: HttpPlane;
  readonly changer: HeadChanger;
}

/** A request that a processor is to have a say in. */
export interface ProcessedCase {
  readonly pool: ServedPool;
  readonly view: RequestView;
  readonly place: Place;
}

/**
 * The say of a processor in one request and its answer. It begins as a guard that waits for the processor's word on the head;
 * then the request goes on, and its body, the answer and the answer's body pass the processor as it wants them.
 */
export class Processing implements Waiting, StandingProcessing, TalkOwner, PortOwner {
  readonly kind = "wait";
  readonly request: ProcessedMessage;
  readonly response: ProcessedMessage;
  readonly #work: Work;
  readonly #pool: ServedPool;
  readonly #view: RequestView;
  readonly #exchange: ProcessedExchange;
  readonly #ofRequest: ProcessedRequest;
  readonly #ofAnswer: ProcessedAnswer;
  readonly #modes: Modes;
  readonly #verdict: Settlement;
  readonly #place: Place;
  readonly #telling: Telling;
  /** Undefined: nothing was to be asked yet. */
  #call: Talk | undefined = undefined;
  /** The processor has no further say. */
  #isDone = false;
  #isEnded = false;
  #reroutes: boolean;
  readonly #time = new AnswerTime();
  readonly #backlog = new Backlog();

  constructor(work: Work, { pool, view, place }: ProcessedCase, waiter: Waiter) {
    const { mode, buffer, looksOn, sendsEarly, reroutes } = work.definition;
    const exchange = view.exchange!;
    this.#work = work;
    this.#pool = pool;
    this.#view = view;
    this.#exchange = exchange;
    this.#place = place;
    this.#verdict = new Settlement(waiter);
    this.#telling = new Telling(work, view);
    this.#modes = new Modes(work.definition, view.upgrade !== "");
    this.#reroutes = reroutes === "always" && mode.request.head;
    this.#ofRequest = new ProcessedRequest(this, view, exchange);
    this.#ofAnswer = new ProcessedAnswer(this, view);
    const terms = { buffer, looksOn, sendsEarly };
    const { request, response } = this.#modes.current;
    this.request = new ProcessedMessage(request, this.#ofRequest, terms);
    this.response = new ProcessedMessage(response, this.#ofAnswer, terms);
  }

  begin(): Verdict | Waiting {
    const view = this.#view;
    const before = this.#exchange.body;
    const { length, upgrade } = view.head;
    view.processings = [...(view.processings ?? []), this];
    this.request.begin(length === 0 && upgrade === "");
    // Whoever sends it may have been told to wait, for another guard.
    if (!this.#isEnded && before.flow(this.request, false) && !before.isWhole) this.#ofRequest.resume();
    this.#letBodyCome();
    return this.#verdict.asked(this);
  }

  get output(): RequestBody {
    return this.#ofRequest.output;
  }

  get changer(): HeadChanger {
    return this.#work.changer;
  }

  get processorTakes(): boolean {
    return this.#call?.takes ?? true;
  }

  #letBodyCome(): void {
    if (this.#modes.current.request.body !== "none" && !this.#isDone && !this.request.awaitsHead)
      this.#ofRequest.letBodyCome();
  }

  ask(direction: Direction, part: Part): void {
    if (this.#isDone) return;
    const { definition, plane } = this.#work;
    const isFirst = this.#call === undefined;
    this.#call ??= talkWith(definition, { plane, view: this.#view, pool: this.#pool }, this);
    this.#call.tell(this.#telling.message(direction, part, this.#ofAnswer.head));
    if (definition.looksOn && this.#call.behind > mostBehind) this.failed("it does not keep up");
    this.#watch();
    if (isFirst) this.#call.begin();
  }

  /** From now on so long for what is waited for. A processor that is not heard is not late. */
  #watch(): void {
    const { timeout, looksOn } = this.#work.definition;
    const { idle } = this.#exchange.client.frontend.front.timeouts;
    const waits = [this.request.waitsFor, this.response.waitsFor];
    const time = waits.includes("answer") ? timeout : waits.includes("parts") ? idle : undefined;
    this.#time.begin(looksOn || this.#backlog.isLong ? undefined : time);
  }

  message(bytes: Buffer): void {
    const { definition } = this.#work;
    if (this.#isDone || definition.looksOn) return;
    let answer: ProcessorAnswer;
    try {
      answer = (definition.http === undefined ? readAnswer : readAnswerText)(bytes);
    } catch (error) {
      this.#fail("processor_failed", `its message can't be read: ${(error as Error).message}`);
      return;
    }
    if (answer.wants === undefined) this.#heed(answer);
    else this.#time.extend(answer.wants, definition.longestTimeout);
  }

  #heed({ to, mode }: ProcessorAnswer): void {
    const { mayAnswer, reroutes } = this.#work.definition;
    if (mode !== undefined) this.#choose(mode);
    if (to === undefined || (to.kind === "own" && !mayAnswer)) {
      this.#fail("processor_failed", outOfOrder);
      return;
    }
    if (to.kind === "own") {
      const answer = ownAnswerOf(to.answer, this.changer, this.#view);
      const detail = to.answer.detail || "a processor answered";
      if (typeof answer === "string") this.#refuseChange(answer);
      else this.refuse({ kind: "refuse", reason: "processor_answered", detail, answer });
      return;
    }
    const { direction, kind, answer } = to;
    const message = direction === "request" ? this.request : this.response;
    if (direction === "request" && answer.reroutes && reroutes === "asked") this.#reroutes = true;
    const wrong =
      kind === "head"
        ? message.headAnswered(answer)
        : kind === "body"
          ? message.bodyAnswered(answer)
          : message.trailersAnswered(answer);
    if (wrong === outOfOrder) this.#fail("processor_failed", outOfOrder);
    else if (wrong !== undefined) this.#refuseChange(wrong);
    else {
      this.#watch();
      this.#letBodyCome();
    }
  }

  /** Only with its answer to a head. */
  #choose(change: ModeChange): void {
    if (!(this.request.awaitsHead || this.response.awaitsHead) || !this.#modes.choose(change)) return;
    const { request, response } = this.#modes.current;
    this.request.choose(request);
    this.response.choose(response);
  }

  /** A change that may not be made ends the request, whatever a failure does. */
  #refuseChange(detail: string): void {
    const { failureStatus } = this.#work.definition;
    this.refuse({ kind: "refuse", reason: "processor_failed", detail, status: failureStatus });
  }

  changeTrailers(trailers: Fields, mutation: HeadMutation | undefined, most: number): Fields | string {
    if (mutation === undefined) return trailers;
    const changed = this.changer.change(trailers, mutation, { fields: most, size: 65_536 });
    return typeof changed === "string" ? changed : changed.fields;
  }

  requestPasses(): void {
    this.#verdict.settle({ kind: "pass", reroutes: this.#reroutes });
  }

  passed(direction: Direction, bytes: number, accepts: boolean): boolean {
    this.#backlog.passed(direction, bytes, accepts);
    if (this.#backlog.isLong) this.#call?.pause();
    return accepts;
  }

  /** Whoever gets the request, or the answer, takes more. */
  onwardTakes(message: ProcessedMessage): void {
    this.#backlog.taken(message === this.request ? "request" : "response");
    message.onwardTakes();
    if (this.#isDone) return;
    this.#watch();
    if (!this.#backlog.isLong) this.#call?.resume();
  }

  callTakes(): void {
    this.request.moved();
    this.response.moved();
  }

  join(source: { resume(): void }, onward: AnswerOutlet): void {
    this.#ofAnswer.join(source, onward);
  }

  answerHead(head: ResponseHead): void {
    this.#ofAnswer.take(head);
    this.response.begin(head.length === 0);
  }

  answerBody(bytes: Buffer, start: number, end: number, last: boolean): boolean {
    return this.response.body(bytes, start, end, last);
  }

  answerEnd(trailers: Fields | undefined): void {
    this.response.end(trailers);
  }

  /** The processor has ended the call in order: it has no further say. */
  over(): void {
    this.#release("it has ended the call and has parts of a body");
  }

  failed(detail: string): void {
    this.#fail("processor_failed", detail);
  }

  #fail(reason: "processor_failed" | "processor_timeout", detail: string): void {
    if (this.#isDone) return;
    const { onFailure, failureStatus, looksOn } = this.#work.definition;
    if (onFailure === "pass" || looksOn) this.#release(detail);
    else if (reason === "processor_timeout") this.refuse({ kind: "refuse", reason, detail });
    else this.refuse({ kind: "refuse", reason, detail, status: failureStatus });
  }

  /** The request and its answer go on without the processor. @param detail why they can't, where it has parts of them. */
  #release(detail: string): void {
    if (this.#isDone) return;
    if (this.request.isStuck || this.response.isStuck) {
      this.#refuseChange(detail);
      return;
    }
    this.#isDone = true;
    this.#leave();
    this.#time.begin(undefined);
    this.request.release();
    this.response.release();
  }

  refuse(refusal: Refusal): void {
    if (this.#isDone) return;
    this.#isDone = true;
    this.#leave();
    if (this.#verdict.isOpen) {
      this.#verdict.settle(refusal);
      return;
    }
    const { reason, detail, status, answer } = refusal;
    if (answer === undefined) this.#exchange.refuse(reason, detail, status);
    else this.#exchange.answerInstead(answer, reason, detail);
  }

  /** @param now by performance.now(). */
  endIfOverdue(now: number): void {
    if (this.#isDone) return;
    if (this.#time.isOver(now)) this.#fail("processor_timeout", "it did not answer in time");
    else this.#call?.endIfOverdue(now);
  }

  vacate(slot: number): void {
    this.#call?.vacate(slot);
  }

  withdraw(): void {
    this.end();
  }

  end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#isDone = true;
    this.#verdict.withdraw();
    this.#leave();
    this.#place.requestOver(this.#call);
  }

  gone(): void {
    this.#place.callOver();
  }

  /** Nothing that it has not read yet is taken from one that looks on. */
  #leave(): void {
    const { looksOn } = this.#work.definition;
    this.#call?.leave(looksOn ? longestEnd : usualEnd, looksOn);
  }
}

const talkWith = ({ http, lines }: Processor, place: TalkPlace, owner: TalkOwner): Talk =>
  http === undefined ? new ProcessorCall(place, lines, owner) : new ProcessorPosts(place, http, lines, owner);
