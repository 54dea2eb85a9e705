import { fieldIds } from "../../../../http/field-names.ts";
import { isBodiless } from "../../../../http/framing.ts";
import { markDropped } from "../../../../http/hop-by-hop.ts";
import type { Fields, ResponseHead } from "../../../../http/message.ts";
import { readFields } from "../../../../http/scan.ts";
import type { RequestView } from "../view.ts";
import type { PartAnswer } from "./answers.ts";
import type { AnswerOutlet } from "./exchange.ts";
import type { MessagePort } from "./message-port.ts";
import type { PortOwner } from "./port-owner.ts";
import { linesOf } from "./questions.ts";

/** Of a head that a processor has changed. */
const mostFields = 256;
const largestHead = 65_536;

/** The ways of an answer past a processor: to it, and on to the client, or to the processor that was asked before. */
export class ProcessedAnswer implements MessagePort {
  readonly #owner: PortOwner;
  readonly #view: RequestView;
  #source: { resume(): void } | undefined = undefined;
  #onward: AnswerOutlet | undefined = undefined;
  #head: ResponseHead | undefined = undefined;

  constructor(owner: PortOwner, view: RequestView) {
    this.#owner = owner;
    this.#view = view;
  }

  join(source: { resume(): void }, onward: AnswerOutlet): void {
    this.#source = source;
    this.#onward = onward;
  }

  /** The head that is to be processed; undefined: it has not come. */
  get head(): ResponseHead | undefined {
    return this.#head;
  }

  /** The answer's head has come. */
  take({ status, phrase, fields, length }: ResponseHead): void {
    this.#head = { status, phrase, fields: fields.retain(), length };
  }

  get processorTakes(): boolean {
    return this.#owner.processorTakes;
  }

  askHead(isAll: boolean): void {
    const { status, fields } = this.#head!;
    const lines = linesOf(fields, markDropped(fields, []));
    this.#owner.ask("response", { kind: "head", lines: [[":status", String(status)], ...lines], isAll });
  }

  askBody(bytes: Uint8Array, last: boolean): void {
    this.#owner.ask("response", { kind: "body", bytes, last });
  }

  askTrailers(trailers: Fields): void {
    this.#owner.ask("response", { kind: "trailers", lines: linesOf(trailers, undefined) });
  }

  changeHead({ mutation }: PartAnswer): string | undefined {
    if (mutation === undefined) return undefined;
    const head = this.#head!;
    const changed = this.#owner.changer.change(head.fields, mutation, {
      fields: mostFields,
      size: largestHead,
    });
    if (typeof changed === "string") return changed;
    const wanted = changed.pseudo.get(":status");
    const status = wanted === undefined ? head.status : Number(wanted);
    if (!(status >= 200 && status <= 599) || isBodiless(status) !== isBodiless(head.status))
      return "it may not change the status so";
    this.#head = { ...head, status, phrase: wanted === undefined ? head.phrase : "", fields: changed.fields };
    return undefined;
  }

  changeTrailers(trailers: Fields, { mutation }: PartAnswer): Fields | string {
    return this.#owner.changeTrailers(trailers, mutation, mostFields);
  }

  passHead(length: number | undefined): void {
    const head = this.#head!;
    const isOther = length !== undefined && length !== head.length && !this.#hasNoBody;
    this.#onward!.answerHead(isOther ? { ...head, length, fields: withoutLength(head.fields) } : head);
  }

  /** An answer that has no body, whatever is made of it. */
  get #hasNoBody(): boolean {
    return this.#view.method === "HEAD" || isBodiless(this.#head!.status);
  }

  passBody(bytes: Buffer, start: number, end: number, last: boolean): boolean {
    if (!this.#hasNoBody)
      return this.#owner.passed("response", end - start, this.#onward!.answerBody(bytes, start, end, last));
    if (last) this.passEnd(undefined);
    return true;
  }

  passEnd(trailers: Fields | undefined): void {
    this.#onward!.answerEnd(trailers);
  }

  resume(): void {
    this.#source!.resume();
  }

  tooLong(): void {
    this.#owner.refuse({
      kind: "refuse",
      reason: "response_too_large",
      detail: "a processor is to get it as a whole",
    });
  }
}

/** The length is written anew by whoever sends the head. */
function withoutLength(fields: Fields): Fields {
  const { "content-length": name } = fieldIds;
  const marks = new Uint8Array(fields.count);
  for (let at = fields.find(name); at >= 0; at = fields.find(name, at + 1)) marks[at] = 1;
  return readFields(fields.linesExcept(marks));
}
