import { answerWith } from "../../../../http/answer.ts";
import { grpcStatusOf } from "../../../../http/grpc.ts";
import { markDropped } from "../../../../http/hop-by-hop.ts";
import type { Fields, ResponseHead } from "../../../../http/message.ts";
import { NameSet } from "../../../../http/name-set.ts";
import { readFields } from "../../../../http/scan.ts";
import { serves } from "../../../decide/http/retry.ts";
import type { ServedPool } from "../../../dispatch/pool.ts";
import { Settlement } from "../../../guard/settlement.ts";
import type { Refusal, Verdict, Waiter, Waiting } from "../../../guard/step.ts";
import type { RequestUpstream } from "../../../upstream/request-upstream.ts";
import type { RequestView } from "../view.ts";
import { checkMessage, readCheck } from "./check-call.ts";
import type { ForwardJudge } from "./forward-auth.ts";
import { callLines, linesOf, QuestionHead, questionLines, textOf } from "./question-head.ts";
import { ServerCall } from "./server-call.ts";

/** The most of an answer's body that goes on to a client, in bytes; of a good answer it is only read. */
const longestBody = 65_536;

/** The framing of an answer, which is made anew. */
const framing = new NameSet(["content-length", "date"]);

/** One question to the server that says who may come in. */
export class AuthQuestion extends ServerCall implements Waiting {
  readonly kind = "wait";
  readonly head: QuestionHead;
  readonly #judge: ForwardJudge;
  readonly #view: RequestView;
  readonly #settlement: Settlement;
  /** The verdict of the answer, whose body is still read. */
  #verdict: Verdict | undefined = undefined;
  /** Of an answer that goes on to the client. */
  #status = 0;
  #lines = "";
  #parts: Buffer[] | undefined = undefined;
  #length = 0;

  constructor(judge: ForwardJudge, view: RequestView, pool: ServedPool, waiter: Waiter) {
    const { auth, plane } = judge;
    super(view, { plane, pool, authority: view.authority, deadline: performance.now() + auth.timeout });
    this.#judge = judge;
    this.#view = view;
    this.#settlement = new Settlement(waiter);
    this.head = new QuestionHead(view, auth);
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
    if (auth.asks === "grpc") this.#call(upstream, checkMessage(this.#view, fields, dropped));
    else upstream.request(this, this.head, false, { dropped, lines: questionLines(this.#view, auth) });
  }

  /** The message has all that the server learns. */
  #call(upstream: RequestUpstream, message: Buffer): void {
    this.head.fields = readFields("");
    this.head.length = message.length;
    upstream.request(this, this.head, true, {
      dropped: new Uint8Array(0),
      lines: callLines + (this.#judge.auth.lines ?? ""),
    });
    upstream.requestBody.body(message, 0, message.length, true);
  }

  override response(head: ResponseHead): void {
    const { status, fields } = head;
    const { auth } = this.#judge;
    this.isAnswered = true;
    this.side.dispatch.answered(this.sentAt, serves(status));
    if (auth.asks === "grpc") this.#answeredCall(head);
    else if (status >= 200 && status < 300)
      this.#verdict = {
        kind: "pass",
        user: auth.copy.length === 0 ? "" : textOf(fields, auth.copy[0]!),
        requestLines: linesOf(fields, auth.copy),
        responseLines: linesOf(fields, auth.copyResponse),
      };
    // Nobody has asked whether anything has changed: a client would take its old page for an answer.
    else if (status >= 500 || status === 304)
      this.#verdict = this.#judge.failed(`it answers with status ${status}`);
    else {
      this.#verdict = { kind: "refuse", reason: "auth_denied", detail: `it answers with status ${status}` };
      this.#status = status;
      this.#lines = fields.linesExcept(markDropped(fields, [framing]));
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
    const verdict = readCheck(Buffer.concat(parts), this.#view);
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
    if (this.#over()) this.#settlement.settle(verdict);
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
