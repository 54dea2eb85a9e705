import { answerWith } from "../../../../http/answer.ts";
import { grpcStatusOf } from "../../../../http/grpc.ts";
import { markDropped } from "../../../../http/hop-by-hop.ts";
import type { Fields, HeadEdits, ResponseHead } from "../../../../http/message.ts";
import { NameSet } from "../../../../http/name-set.ts";
import { readFields } from "../../../../http/scan.ts";
import { serves } from "../../../decide/http/retry.ts";
import type { ServedPool } from "../../../dispatch/pool.ts";
import { Settlement } from "../../../guard/settlement.ts";
import type { Refusal, Verdict, Waiter, Waiting } from "../../../guard/step.ts";
import type { RequestUpstream } from "../../../upstream/request-upstream.ts";
import type { RequestView } from "../view.ts";
import { AskHead } from "./ask-head.ts";
import { passOf, rerouting } from "./auth-answer.ts";
import type { HeldBody } from "./body-first.ts";
import { checkMessage, partLine, readCheck } from "./check-call.ts";
import type { ForwardJudge } from "./forward-auth.ts";
import { askedFor, callLines, questionLines } from "./question-head.ts";
import { ServerCall } from "./server-call.ts";

/** The most of an answer's body that goes on to a client, in bytes; of a good answer it is only read. */
const longestBody = 65_536;

/** The framing of an answer, which is made anew. */
const framing = new NameSet(["content-length", "date"]);

/** A request that a server is asked about. */
export interface AuthCase {
  readonly view: RequestView;
  readonly pool: ServedPool;
  /** Of its body; undefined: the server gets none. */
  readonly held: HeldBody | undefined;
}

const none = new Uint8Array(0);

/** One question to the server that says who may come in. */
export class AuthQuestion extends ServerCall implements Waiting {
  readonly kind = "wait";
  readonly head: AskHead;
  readonly #judge: ForwardJudge;
  readonly #view: RequestView;
  readonly #held: HeldBody | undefined;
  readonly #settlement: Settlement;
  /** The verdict of the answer, whose body is still read. */
  #verdict: Verdict | undefined = undefined;
  /** Of an answer that goes on to the client. */
  #status = 0;
  #lines = "";
  #parts: Buffer[] | undefined = undefined;
  #length = 0;

  constructor(judge: ForwardJudge, { view, pool, held }: AuthCase, waiter: Waiter) {
    const { auth, plane } = judge;
    super(view, { plane, pool, authority: view.authority, deadline: performance.now() + auth.timeout });
    this.#judge = judge;
    this.#view = view;
    this.#held = held;
    this.#settlement = new Settlement(waiter);
    this.head = new AskHead(view, askedFor(view, auth));
    judge.underWay++;
  }

  ask(): Verdict | Waiting {
    this.begin();
    return this.#settlement.asked(this);
  }

  protected override send(upstream: RequestUpstream): void {
    const { markers, auth } = this.#judge;
    const { fields } = this.#view;
    this.head.fields = fields;
    const dropped = markDropped(fields, markers);
    if (auth.asks === "grpc") {
      const message = checkMessage({
        view: this.#view,
        fields,
        dropped,
        judge: this.#judge,
        held: this.#held,
      });
      this.head.fields = readFields("");
      this.#send(upstream, message, { dropped: none, lines: callLines + (auth.lines ?? "") });
    } else {
      const lines = questionLines(this.#view, auth) + (auth.lines ?? "") + partLine(this.#held);
      // Whoever sends them may write to them.
      this.#send(upstream, Buffer.from(this.#held?.bytes ?? none), { dropped, lines });
    }
  }

  #send(upstream: RequestUpstream, body: Buffer, edits: HeadEdits): void {
    this.head.length = body.length;
    upstream.request(this, this.head, body.length > 0, edits);
    if (body.length > 0) upstream.requestBody.body(body, 0, body.length, true);
  }

  override response(head: ResponseHead): void {
    const { status, fields } = head;
    const { auth } = this.#judge;
    this.isAnswered = true;
    this.side.dispatch.answered(this.sentAt, serves(status));
    if (auth.asks === "grpc") this.#answeredCall(head);
    else if (status >= 200 && status < 300) this.#verdict = passOf(fields, this.#judge);
    // Nobody has asked whether anything has changed: a client would take its old page for an answer.
    else if (status >= 500 || status === 304)
      this.#verdict = this.#judge.failed(`it answers with status ${status}`);
    else {
      this.#verdict = { kind: "refuse", reason: "auth_denied", detail: `it answers with status ${status}` };
      this.#status = status;
      this.#lines = fields.linesExcept(markDropped(fields, [framing, ...this.#judge.refusalMarkers]));
      this.#parts = [];
    }
  }

  /** The verdict is in the message that follows. */
  #answeredCall({ status, fields }: ResponseHead): void {
    const code = grpcStatusOf(fields);
    if (status === 200 && (code === undefined || code === 0)) this.#parts = [];
    this.#verdict = this.#judge.failed(
      code === undefined ? `it answers with status ${status}` : `status ${code} of gRPC`,
    );
  }

  override body(bytes: Buffer, start: number, end: number, last: boolean): boolean {
    this.#length += end - start;
    if (this.#length > longestBody) {
      // The part that came is no answer for anybody.
      this.#parts = undefined;
      this.drop();
      this.#settle(this.#verdict!);
      return true;
    }
    this.#parts?.push(Buffer.from(bytes.subarray(start, end)));
    if (last) this.end();
    return true;
  }

  override end(trailers?: Fields): void {
    this.side.served(true);
    if (this.#judge.auth.asks === "grpc" && this.#parts !== undefined) {
      this.#settle(this.#verdictOfCall(this.#parts, trailers));
      return;
    }
    const verdict = this.#verdict!;
    if (verdict.kind === "pass" || this.#parts === undefined) this.#settle(verdict);
    else this.#settle(this.#withAnswer(verdict, Buffer.concat(this.#parts)));
  }

  /** An answer that can't be read is none, nor is one of a call that failed behind it. */
  #verdictOfCall(parts: readonly Buffer[], trailers: Fields | undefined): Verdict {
    const code = (trailers && grpcStatusOf(trailers)) ?? 0;
    if (code !== 0) return this.#judge.failed(`status ${code} of gRPC`);
    const verdict = readCheck(Buffer.concat(parts), this.#view, this.#judge.auth.strict === true);
    const isNone = verdict.kind === "refuse" && verdict.reason === "auth_unavailable";
    return isNone ? this.#judge.failed(verdict.detail) : verdict;
  }

  #withAnswer(refusal: Refusal, body: Buffer): Refusal {
    const answer = answerWith(this.#status, this.#lines, body, this.#view.method);
    return { ...refusal, answer };
  }

  /** Where it has said no, that its answer is not whole makes no yes of it. */
  protected override lost(detail: string): void {
    const verdict = this.#verdict;
    this.#settle(verdict?.kind === "refuse" ? verdict : this.#judge.failed(detail));
  }

  #settle(verdict: Verdict): void {
    if (!this.#over()) return;
    const { reroutes } = this.#judge.auth;
    this.#settlement.settle(reroutes === true ? rerouting(verdict, this.#view) : verdict);
  }

  withdraw(): void {
    this.drop();
    if (this.#over()) this.#settlement.withdraw();
  }

  /** @returns whether it was not over. */
  #over(): boolean {
    const { isOpen } = this.#settlement;
    this.isOver = true;
    if (isOpen) this.#judge.underWay--;
    return isOpen;
  }
}
