import { addUpTo } from "../../channel/bells.ts";
import { type CounterMemory, guardCell } from "../../channel/counters.ts";
import { type Answer, answerWith, createGrpcAnswer } from "../../http/answer.ts";
import { isGrpcType } from "../../http/grpc.ts";
import type { FaultAnswer, FaultShare } from "../../model/http/guard.ts";
import type { PlacedFault } from "../../model/snapshot.ts";
import { compileCondition, type Holds } from "./condition.ts";
import { type GuardedRequest, pass, type Verdict, type Waiter, type Waiting } from "./step.ts";

/** Requests of a worker that one fault holds up at a time: more of them go on at once. */
const mostWaiting = 10_000;
/** In milliseconds. */
const longestDelay = 3_600_000;

/** The fields of Envoy's in which requests ask for faults. */
const asked = {
  delay: "x-envoy-fault-delay-request",
  status: "x-envoy-fault-abort-request",
  grpc: "x-envoy-fault-abort-grpc-request",
} as const;

/** Where faults under way are counted, over all workers. */
interface Counts {
  readonly counters: CounterMemory;
  readonly held: Int32Array<SharedArrayBuffer>;
}

/** Holds up a part of the requests, and answers a part of them in place of a backend. */
export class FaultJudge {
  readonly #fault: PlacedFault;
  readonly #counts: () => Counts;
  readonly #holds: Holds;
  waiting = 0;

  /** @throws where it has a regular expression, and {@link loadRegexes} was not awaited. */
  constructor(fault: PlacedFault, counts: () => Counts) {
    this.#fault = fault;
    this.#counts = counts;
    this.#holds = compileCondition(fault.when);
  }

  judge(request: GuardedRequest, waiter: Waiter): Verdict | Waiting {
    if (!this.#holds(request, request.header(":path") ?? "")) return pass;
    const time = this.#delayOf(request);
    if (time > 0 && this.waiting < mostWaiting && this.#begin())
      return new DelayedRequest(this, request, waiter, time);
    const { most, slot } = this.#fault;
    const isFull = most !== undefined && Atomics.load(this.#counts().held, slot) >= most;
    return isFull ? pass : this.abort(request);
  }

  /** In milliseconds; 0: it is not held up. */
  #delayOf(request: GuardedRequest): number {
    const { delay } = this.#fault;
    if (delay === undefined) return 0;
    if (delay.time !== "field") return isDrawn(delay.percent) ? delay.time : 0;
    const time = numberIn(request.header(asked.delay)) ?? 0;
    return time > 0 && isAskedFor(request, delay, asked.delay) ? Math.min(time, longestDelay) : 0;
  }

  /** The answer in place of a backend's, where chance and the request have it so. */
  abort(request: GuardedRequest): Verdict {
    const { abort } = this.#fault;
    if (abort === undefined) return pass;
    const isField = abort.answer === "field";
    const answer = isField ? answerAskedFor(request) : (abort.answer as FaultAnswer);
    if (answer === undefined) return pass;
    const isAborted = isField ? isAskedFor(request, abort, asked.status) : isDrawn(abort.percent);
    return isAborted ? refusal(request, answer) : pass;
  }

  #begin(): boolean {
    this.waiting++;
    const { most, slot, counters: first } = this.#fault;
    if (most === undefined) return true;
    const { counters, held } = this.#counts();
    const hasRoom = addUpTo(held, slot, most);
    if (hasRoom) counters[first + guardCell.begun]! += 1;
    else this.waiting--;
    return hasRoom;
  }

  /** A request is not held up any longer. */
  end(): void {
    this.waiting--;
    const { most, slot, counters: first } = this.#fault;
    if (most === undefined) return;
    const { counters, held } = this.#counts();
    counters[first + guardCell.over]! += 1;
    Atomics.sub(held, slot, 1);
  }
}

const isDrawn = (percent: number): boolean => Math.random() * 100 < percent;

/** A request may ask for a smaller share than the configured one. */
function isAskedFor(request: GuardedRequest, { percent, unit }: FaultShare, field: string): boolean {
  const wanted = numberIn(request.header(`${field}-percentage`));
  return isDrawn(Math.min(percent, wanted === undefined ? percent : wanted * unit));
}

/** The first value of a field, where it is a whole number. */
function numberIn(value: string | undefined): number | undefined {
  const text = value?.split(",", 1)[0]?.trim() ?? "";
  return /^\+?\d{1,15}$/.test(text) ? Number(text) : undefined;
}

function answerAskedFor(request: GuardedRequest): FaultAnswer | undefined {
  const status = numberIn(request.header(asked.status)) ?? 0;
  if (status >= 200 && status < 600) return { status };
  const grpc = numberIn(request.header(asked.grpc));
  return grpc === undefined ? undefined : { status: 200, grpc };
}

const refusal = (request: GuardedRequest, answer: FaultAnswer): Verdict => ({
  kind: "refuse",
  reason: "fault_injected",
  detail: `answered with status ${answer.status}`,
  answer: answerOf(request, answer),
});

/** Envoy's text, by which tests know that a fault was injected. */
const usualText = "fault filter abort";

/** Statuses without a body (RFC 9110 section 6.4.1). */
const bodiless: ReadonlySet<number> = new Set([204, 205, 304]);

function answerOf(request: GuardedRequest, { status, grpc, text = usualText }: FaultAnswer): Answer {
  if (isGrpcType(request.header("content-type") ?? ""))
    return createGrpcAnswer({ status, reason: messageText(text), grpcStatus: grpc });
  const method = request.header(":method") ?? "";
  if (bodiless.has(status)) return answerWith(status, "", Buffer.alloc(0), method);
  return answerWith(status, "content-type: text/plain\r\n", Buffer.from(text), method);
}

/** As `grpc-message` has it ("Percent-Encoded" in gRPC's protocol). */
const messageText = (text: string): string => encodeURI(text.toWellFormed()).replaceAll("%20", " ");

/** It has a timer of its own, because ticks of the sweep may be half a second apart. */
class DelayedRequest implements Waiting {
  readonly kind = "wait";
  readonly #judge: FaultJudge;
  readonly #timer: NodeJS.Timeout;

  constructor(judge: FaultJudge, request: GuardedRequest, waiter: Waiter, time: number) {
    this.#judge = judge;
    this.#timer = setTimeout(() => {
      judge.end();
      waiter.settle(judge.abort(request));
    }, time);
  }

  /** Called once at most, and not behind the verdict. */
  withdraw(): void {
    clearTimeout(this.#timer);
    this.#judge.end();
  }

  endIfOverdue(): void {}
}
