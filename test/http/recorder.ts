import assert from "node:assert/strict";
import type { Fault } from "../../src/http/fault.ts";
import { Http1Backend } from "../../src/http/http1/backend.ts";
import { type FrontOptions, Http1Front } from "../../src/http/http1/front.ts";
import type {
  Fields,
  RequestHead,
  RequestReceiver,
  ResponseHead,
  ResponseReceiver,
} from "../../src/http/message.ts";

export type FieldList = readonly (readonly [name: string, value: string])[];

export function listOf(fields: Fields): FieldList {
  return Array.from({ length: fields.count }, (_, index) => [fields.name(index), fields.value(index)]);
}

/** One message as a receiver has seen it, in plain data. */
export interface Recorded {
  readonly method?: string;
  readonly authority?: string;
  readonly path?: string;
  readonly query?: string;
  readonly upgrade?: string;
  readonly status?: number;
  readonly length: number;
  readonly fields: FieldList;
  readonly interim?: readonly number[];
  body: string;
  complete: boolean;
  trailers: FieldList | undefined;
}

export const limits = { head: 32 * 1024, fields: 128, target: 8 * 1024, underscores: "drop" } as const;
export const responseLimits = { head: 64 * 1024, fields: 256, underscores: "pass" } as const;
export const frontOptions: FrontOptions = { scheme: "https", limits, held: 64 * 1024 };

/** Writes over every byte of the buffer, as a receiver may, after having taken its part. */
function take(bytes: Buffer, start: number, end: number): string {
  assert.ok(end > start, "a part is never empty");
  const part = bytes.toString("latin1", start, end);
  bytes.fill(0x21);
  return part;
}

/** The requests that a front reads. Each is answered as soon as it is complete, unless `answers` is false. */
export class RequestRecorder implements RequestReceiver {
  readonly requests: Recorded[] = [];
  fault: Fault | undefined;
  /** The result of `body`. */
  accepts = true;
  answers = true;
  /** Calls of `body`. */
  parts = 0;
  head: RequestHead | undefined;
  readonly front: Http1Front;

  constructor(options: Partial<FrontOptions> = {}) {
    this.front = new Http1Front({ ...frontOptions, ...options }, this);
  }

  get last(): Recorded {
    return this.requests.at(-1)!;
  }

  get detail(): string | undefined {
    return this.fault?.detail;
  }

  request(head: RequestHead, last: boolean): void {
    this.head = head;
    const { method, authority, path, query, upgrade, length } = head;
    const fields = listOf(head.fields);
    this.requests.push({
      ...{ method, authority, path, query, upgrade, length, fields },
      ...{ body: "", complete: false, trailers: undefined },
    });
    if (last) this.#complete(undefined);
  }

  body(bytes: Buffer, start: number, end: number, last: boolean): boolean {
    this.parts++;
    this.last.body += take(bytes, start, end);
    if (last) this.#complete(undefined);
    return this.accepts;
  }

  end(trailers: Fields | undefined): void {
    this.#complete(trailers && listOf(trailers));
  }

  fail(fault: Fault): void {
    assert.equal(this.fault, undefined, "one fault");
    this.fault = fault;
  }

  #complete(trailers: FieldList | undefined): void {
    assert.equal(this.last.complete, false, "complete once");
    this.last.complete = true;
    this.last.trailers = trailers;
    if (this.answers && this.front.state === "waiting") this.front.answered();
  }
}

/** The responses that a connection to a backend reads. */
export class ResponseRecorder implements ResponseReceiver {
  readonly responses: Recorded[] = [];
  interims: number[] = [];
  switches = 0;
  fault: Fault | undefined;
  accepts = true;
  /** The values of `follows` that `response` got. */
  follows: boolean[] = [];
  /** The state of the connection when the last part came. */
  stateAtEnd = "";
  readonly backend: Http1Backend;

  constructor(limits = responseLimits) {
    this.backend = new Http1Backend(limits);
  }

  get last(): Recorded {
    return this.responses.at(-1)!;
  }

  get detail(): string | undefined {
    return this.fault?.detail;
  }

  interim(head: ResponseHead): void {
    this.interims.push(head.status);
  }

  response(head: ResponseHead, follows: boolean): void {
    this.#push(head);
    this.follows.push(follows);
  }

  switched(head: ResponseHead): void {
    this.switches++;
    this.#push(head);
  }

  body(bytes: Buffer, start: number, end: number, last: boolean): boolean {
    this.last.body += take(bytes, start, end);
    if (last) this.#complete(undefined);
    return this.accepts;
  }

  end(trailers: Fields | undefined): void {
    this.#complete(trailers && listOf(trailers));
  }

  fail(fault: Fault): void {
    assert.equal(this.fault, undefined, "one fault");
    this.fault = fault;
  }

  #push({ status, length, fields }: ResponseHead): void {
    const interim = this.interims;
    this.interims = [];
    const rest = { body: "", complete: false, trailers: undefined };
    this.responses.push({ status, length, interim, fields: listOf(fields), ...rest });
  }

  #complete(trailers: FieldList | undefined): void {
    assert.equal(this.last.complete, false, "complete once");
    this.stateAtEnd = this.backend.state;
    this.last.complete = true;
    this.last.trailers = trailers;
  }
}

/** Cuts the text at these places, and hands each piece over in a buffer of its own, with room around it. */
export function feed(
  target: { receive(bytes: Buffer, start: number, end: number): boolean },
  text: string,
  cuts: readonly number[] = [],
): boolean {
  let accepts = true;
  const places = [...cuts.filter((cut) => cut > 0 && cut < text.length).sort((a, b) => a - b), text.length];
  let from = 0;
  for (const place of places) {
    if (place === from) continue;
    const piece = Buffer.from(`#####${text.slice(from, place)}###`, "latin1");
    accepts = target.receive(piece, 5, 5 + place - from);
    piece.fill(0x21);
    from = place;
  }
  return accepts;
}

export const everyByte = (text: string): number[] => Array.from({ length: text.length }, (_, index) => index);
