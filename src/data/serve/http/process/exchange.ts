import type { Answer } from "../../../../http/answer.ts";
import type { Fields, ResponseHead } from "../../../../http/message.ts";
import type { RequestReason } from "../../../../model/reasons.ts";
import type { ExchangeClient } from "../client.ts";
import type { RequestBody } from "../request-body.ts";
import type { ProcessedMessage } from "./processed-message.ts";

/** The exchange of a request that processors have a say in. */
export interface ProcessedExchange {
  readonly client: ExchangeClient;
  readonly isOver: boolean;
  /** The backends that it was sent to, or was to be; undefined: none yet. */
  readonly backend: { readonly attempts: readonly unknown[] } | undefined;
  /** The request's body as it goes on: behind the processors that it has so far. */
  readonly body: RequestBody;
  /** More of that body is wanted. */
  takesMore(): void;
  /** A part of a body that goes on, and its end. */
  passOn(body: RequestBody, bytes: Buffer, start: number, end: number, last: boolean): boolean;
  passEnd(body: RequestBody, trailers: Fields | undefined): void;
  /** The request is not served, or its answer can't be made whole. */
  refuse(reason: RequestReason, detail?: string, status?: number): void;
  /** The client gets this answer, where it has nothing of another one. */
  answerInstead(answer: Answer, reason: RequestReason, detail: string): void;
}

/** Whoever gets an answer that goes on. */
export interface AnswerOutlet {
  answerHead(head: ResponseHead): void;
  answerBody(bytes: Buffer, start: number, end: number, last: boolean): boolean;
  answerEnd(trailers: Fields | undefined): void;
}

/** A processor's say in a request that is under way. */
export interface StandingProcessing extends AnswerOutlet {
  readonly request: ProcessedMessage;
  readonly response: ProcessedMessage;
  /** The request's body behind it. */
  readonly output: RequestBody;
  /** Its answer comes from there, and goes on to `onward`. */
  join(source: { resume(): void }, onward: AnswerOutlet): void;
  /** Whoever gets one of the two takes more. */
  onwardTakes(message: ProcessedMessage): void;
  /** @param now by performance.now(). */
  endIfOverdue(now: number): void;
  vacate(slot: number): void;
  /** The request is over. */
  end(): void;
}
