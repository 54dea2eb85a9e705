import { type BodyReceiver, type Fields, unknownLength } from "../../../../http/message.ts";
import type { BodyMode, SideMode } from "../../../../model/http/processing.ts";
import type { PartAnswer } from "./answers.ts";
import { type Chunk, Chunks } from "./chunks.ts";
import type { MessagePort, MessageTerms } from "./message-port.ts";

/** Bytes that wait for the processor, or that it has not answered, before no more are taken. */
const mostWaiting = 65_536;

/** The fault of a processor that answers what it was not asked. */
export const outOfOrder = "it answers what it was not asked";

const nothing = Buffer.alloc(0);

/**
 * A request or an answer on its way past a processor. It knows what the processor was sent and has not answered, and holds
 * what that may still change. In what it gets, an end always comes, also where there is no body.
 */
export class ProcessedMessage implements BodyReceiver {
  #mode: SideMode;
  readonly #port: MessagePort;
  readonly #terms: MessageTerms;
  #hasBegun = false;
  #isBodiless = false;
  /** Parts that were sent and have one answer to come; parts of a body that is streamed are in {@link #sent}. */
  #awaits: "head" | "body" | "trailers" | undefined = undefined;
  #isHeadGone = false;
  /** Whether what still comes goes on as it is, or nowhere. */
  #rest: "processed" | "passed" | "dropped" = "processed";
  /** Parts that the processor has and has not answered. */
  readonly #sent = new Chunks();
  /** Parts that it does not have. */
  readonly #held = new Chunks();
  #isWhole = false;
  #trailers: Fields | undefined = undefined;
  /** With `duplex`: how far the processor has the message, and nobody else. */
  #given: "nothing" | "parts" | "all" = "nothing";
  /** The end went on. */
  isOver = false;
  #onwardTakes = true;
  #isPaused = false;

  constructor(mode: SideMode, port: MessagePort, terms: MessageTerms) {
    this.#mode = mode;
    this.#port = port;
    this.#terms = terms;
  }

  /** The processor owes an answer, or parts as they come; undefined: nothing, or nobody takes the parts. */
  get waitsFor(): "answer" | "parts" | undefined {
    if (this.#rest === "dropped" || this.isOver) return undefined;
    const isAwaited = this.#awaits !== undefined || !this.#sent.isEmpty || this.#given !== "nothing";
    if (!isAwaited) return undefined;
    if (this.#body !== "duplex") return "answer";
    return this.#onwardTakes ? "parts" : undefined;
  }

  get awaitsHead(): boolean {
    return this.#awaits === "head";
  }

  /** The processor has chosen another mode, with its answer to a head. */
  choose(mode: SideMode): void {
    this.#mode = mode;
  }

  get #body(): BodyMode {
    return this.#isBodiless ? "none" : this.#mode.body;
  }

  begin(isBodiless: boolean): void {
    this.#hasBegun = true;
    this.#isBodiless = isBodiless;
    if (this.#mode.head && this.#rest === "processed") {
      if (!this.#terms.looksOn) this.#awaits = "head";
      this.#port.askHead(isBodiless);
    }
    this.#go();
  }

  body(bytes: Buffer, start: number, end: number, last: boolean): boolean {
    this.#isWhole ||= last;
    if (this.#rest === "dropped") return true;
    if (this.#goesOn && this.#held.isEmpty) {
      this.#look(bytes.subarray(start, end), last);
      this.isOver ||= last;
      this.#onwardTakes = this.#port.passBody(bytes, start, end, last);
    } else {
      this.#held.add({ bytes: Buffer.from(bytes.subarray(start, end)), last });
      this.#go();
    }
    this.#isPaused = !this.#hasRoom && !this.#isWhole;
    return !this.#isPaused;
  }

  end(trailers: Fields | undefined): void {
    this.#isWhole = true;
    if (this.#rest === "dropped" || this.isOver) return;
    this.#trailers = trailers?.retain();
    if (trailers === undefined) this.#held.add({ bytes: nothing, last: true });
    this.#go();
  }

  /** Parts of the body go on as they come. */
  get #goesOn(): boolean {
    if (this.#rest === "passed") return this.#sent.isEmpty;
    return this.#isHeadGone && (this.#body === "none" || this.#terms.looksOn);
  }

  get #hasRoom(): boolean {
    if (!this.#onwardTakes || (!this.#port.processorTakes && !this.#goesOn)) return false;
    // Whoever collects bounds what it has itself.
    const collects = this.#body === "buffered" || this.#body === "partial";
    if (collects && this.#awaits === undefined) return true;
    return this.#held.bytes + this.#sent.bytes < mostWaiting;
  }

  /** Whoever gets the message takes more. */
  onwardTakes(): void {
    this.#onwardTakes = true;
    this.moved();
  }

  /** There may be room again. */
  moved(): void {
    if (!this.#isPaused || !this.#hasRoom) return;
    this.#isPaused = false;
    this.#port.resume();
  }

  /** Does all that can be done before another answer comes. */
  #go(): void {
    const awaits = this.#awaits;
    if (this.isOver || this.#rest === "dropped" || awaits === "body" || awaits === "trailers") return;
    const isAsked = this.#rest === "processed" && !this.#terms.looksOn;
    if (isAsked && this.#body === "duplex") this.#give();
    else if (isAsked && this.#body === "streamed") {
      if (awaits === undefined) this.#passHead(unknownLength);
      if (awaits === undefined || this.#terms.sendsEarly)
        for (const chunk of this.#held.takeAll()) this.#send(chunk);
    } else if (awaits !== undefined) return;
    else if (isAsked && this.#body !== "none") this.#collect();
    else {
      const isAnswered = this.#sent.isEmpty;
      this.#passHead(isAnswered ? undefined : unknownLength);
      // Parts that the processor has come first.
      for (const { bytes, last } of isAnswered ? this.#held.takeAll() : []) {
        this.#look(bytes, last);
        this.#emit(bytes, last);
      }
    }
    if (this.#awaits === undefined && this.#sent.isEmpty && this.#given === "nothing") this.#finish();
  }

  /** Whoever looks on gets a copy of what goes on. */
  #look(bytes: Uint8Array, last: boolean): void {
    if (this.#terms.looksOn && this.#rest === "processed" && this.#body === "streamed")
      this.#port.askBody(bytes, last);
  }

  #passHead(length: number | undefined): void {
    if (this.#isHeadGone) return;
    this.#isHeadGone = true;
    this.#port.passHead(length);
  }

  #emit(bytes: Buffer, last: boolean): void {
    this.isOver ||= last;
    if (bytes.length > 0) this.#onwardTakes = this.#port.passBody(bytes, 0, bytes.length, last);
    else if (last) this.#port.passEnd(undefined);
  }

  /** The trailers, where they have come and all before them is settled. */
  #finish(): void {
    const trailers = this.#trailers;
    if (trailers === undefined || this.isOver || !this.#isHeadGone) return;
    if (this.#mode.trailers && this.#rest === "processed") {
      if (!this.#terms.looksOn) this.#awaits = "trailers";
      this.#port.askTrailers(trailers);
      if (this.#awaits === "trailers") return;
    }
    this.#end(trailers);
  }

  #end(trailers: Fields): void {
    this.isOver = true;
    this.#port.passEnd(trailers);
  }

  #send(chunk: Chunk): void {
    this.#sent.add(chunk);
    this.#port.askBody(chunk.bytes, chunk.last);
  }

  /** `duplex`: what comes back takes the place of what is sent. */
  #give(): void {
    for (const { bytes, last } of this.#held.takeAll()) {
      this.#given = last ? "all" : "parts";
      this.#port.askBody(bytes, last);
    }
    if (this.#awaits === undefined) this.#passHead(unknownLength);
    if (this.#trailers === undefined || this.#given === "all") return;
    this.#given = "all";
    this.#port.askTrailers(this.#trailers);
  }

  /** `buffered` and `partial`: sent as soon as it is whole, or as much is there as may wait. */
  #collect(): void {
    const mayBePart = this.#mode.body === "partial";
    // Also one that has come at once is too long.
    if (!mayBePart && this.#held.bytes > this.#terms.buffer) this.#port.tooLong();
    else if (this.#isWhole || (mayBePart && this.#held.bytes >= this.#terms.buffer)) {
      const held = this.#held.takeAll();
      this.#send({ bytes: Buffer.concat(held.map(({ bytes }) => bytes)), last: held.at(-1)?.last === true });
      this.#awaits = "body";
    }
  }

  /** @returns what is wrong with the answer to the head. */
  headAnswered(answer: PartAnswer): string | undefined {
    if (this.#awaits !== "head") return outOfOrder;
    // Nobody else has the parts that it was given with `duplex`.
    if (answer.isAll && answer.content === undefined && this.#given !== "nothing") return outOfOrder;
    const wrong = this.#port.changeHead(answer);
    if (wrong !== undefined) return wrong;
    this.#awaits = undefined;
    if (answer.isAll) this.#replace(answer.content);
    return this.#settled();
  }

  /** Nothing more of it goes to the processor. @param content in place of the body; undefined: it stays. */
  #replace(content: Uint8Array | undefined): void {
    this.#rest = content === undefined ? "passed" : "dropped";
    if (content === undefined) return;
    this.#held.takeAll();
    this.#passHead(content.length);
    this.#emit(Buffer.from(content), true);
  }

  #settled(): undefined {
    this.#go();
    this.moved();
  }

  /** @returns what is wrong with the answer to a part of the body. */
  bodyAnswered(answer: PartAnswer): string | undefined {
    if (this.#body === "duplex") return this.#takeBack(answer);
    const isCollected = this.#awaits === "body";
    if ((this.#awaits !== undefined && !isCollected) || this.#sent.isEmpty || answer.streamed !== undefined)
      return outOfOrder;
    // Once the head has gone, nothing of it can be changed.
    const wrong = this.#isHeadGone ? undefined : this.#port.changeHead(answer);
    if (wrong !== undefined) return wrong;
    const { bytes, last } = this.#sent.shift();
    if (this.#rest === "dropped") return undefined;
    this.#awaits = undefined;
    const content = answer.content === undefined ? bytes : Buffer.from(answer.content);
    // Whatever comes behind the part that was collected goes on as it is.
    if (isCollected) {
      this.#passHead(last ? content.length : unknownLength);
      if (!this.#isWhole || !this.#held.isEmpty) this.#rest = "passed";
      else this.#isBodiless = true;
    }
    if (answer.isAll) this.#rest = "passed";
    this.#emit(content, last);
    return this.#settled();
  }

  #takeBack({ content = nothing, streamed }: PartAnswer): string | undefined {
    if (streamed === undefined || !this.#isHeadGone || this.#given === "nothing" || this.isOver)
      return outOfOrder;
    // An end before the message has one would cut it short.
    if (streamed.last && this.#given !== "all") return outOfOrder;
    this.#emit(Buffer.from(content), streamed.last);
    return undefined;
  }

  /** @returns what is wrong with the answer to the trailers. */
  trailersAnswered(answer: PartAnswer): string | undefined {
    const isAsked = this.#awaits === "trailers" || this.#given === "all";
    if (!isAsked || this.#trailers === undefined || this.isOver || !this.#isHeadGone) return outOfOrder;
    const changed = this.#port.changeTrailers(this.#trailers, answer);
    if (typeof changed === "string") return changed;
    this.#awaits = undefined;
    this.#end(changed);
    return undefined;
  }

  /** The processor has bytes that nobody else has: without it, the message can't be made whole any more. */
  get isStuck(): boolean {
    return this.#given !== "nothing" && !this.isOver;
  }

  /** The processor has no further say: all goes on as it came. Not where it {@link isStuck}. */
  release(): void {
    if (this.isOver || this.#rest === "dropped") return;
    this.#awaits = undefined;
    this.#rest = "passed";
    this.#held.takeBefore(this.#sent);
    if (this.#hasBegun) this.#settled();
  }
}
