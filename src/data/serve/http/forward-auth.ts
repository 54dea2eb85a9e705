import { answerWith } from "../../../http/answer.ts";
import type { Fault } from "../../../http/fault.ts";
import { grpcStatusOf } from "../../../http/grpc.ts";
import { type FieldMarker, markDropped } from "../../../http/hop-by-hop.ts";
import type { Fields, ResponseHead } from "../../../http/message.ts";
import { NameSet } from "../../../http/name-set.ts";
import { readFields } from "../../../http/scan.ts";
import type { ForwardAuth } from "../../../model/http/guard.ts";
import { type EndReason, type RequestReason, requestReasonOf } from "../../../model/reasons.ts";
import { ReservedNames } from "../../decide/http/reserved.ts";
import { isBlamed, serves } from "../../decide/http/retry.ts";
import type { ServedPool } from "../../dispatch/pool.ts";
import { type Refusal, unavailable, type Verdict, type Waiter, type Waiting } from "../../guard/step.ts";
import type { PickKey } from "../../pick/picker.ts";
import type { RequestUpstream, UpstreamUser } from "../../upstream/request-upstream.ts";
import { BackendSide, type BackendSideOwner } from "./backend-side.ts";
import { checkMessage, readCheck } from "./check-call.ts";
import type { HttpConnection } from "./client.ts";
import type { HttpPlane } from "./plane.ts";
import { callLines, linesOf, QuestionHead, questionLines, textOf } from "./question-head.ts";
import type { PoolChoice } from "./sticky-pick.ts";
import type { RequestView } from "./view.ts";

/** The most of an answer's body that goes on to a client, in bytes; of a good answer it is only read. */
const longestBody = 65_536;
/** Questions of a worker that wait for an answer. */
const mostUnderWay = 1_000;

/** About a body that the server does not get, about another answer than it gives, or umay's to say: servers believe it. */
const unasked = new NameSet([
  "content-*",
  "expect",
  "range",
  "if-*",
  "accept-encoding",
  "x-forwarded-*",
  "forwarded",
  "x-real-ip",
  "x-request-id",
  "x-original-*",
  "x-auth-request-redirect",
]);

/** The framing of an answer, which is made anew. */
const framing = new NameSet(["content-length", "date"]);

/**
 * Judges requests by asking a server about each (as nginx's `auth_request` and others do): a GET with the fields of the
 * request, and with what is asked for in X-Forwarded-Method, -Proto, -Host and -Uri. 2xx lets in.
 */
export class ForwardJudge {
  readonly auth: ForwardAuth;
  readonly plane: HttpPlane;
  /** Fields of a client that the server does not get. */
  readonly markers: readonly FieldMarker[];
  underWay = 0;

  constructor(auth: ForwardAuth, plane: HttpPlane) {
    this.auth = auth;
    this.plane = plane;
    this.markers = [unasked, new ReservedNames(auth.copy)];
  }

  judge(view: RequestView, waiter: Waiter): Verdict | Waiting {
    if (this.underWay >= mostUnderWay) return this.failed("too many requests wait for an answer");
    const pool = view.connection.listener.poolNamed(this.auth.pool);
    // While the request waited for another guard.
    if (pool === undefined) return this.failed("its pool has left the configuration");
    const question = new Question(this, view, pool, waiter);
    return question.ask();
  }

  failed(detail: string): Verdict {
    if (this.auth.onFailure === "pass") return { kind: "pass" };
    return { ...unavailable(detail), status: this.auth.failureStatus };
  }
}

/** One question to the server. */
class Question implements BackendSideOwner, UpstreamUser, Waiting {
  readonly kind = "wait";
  readonly connection: HttpConnection;
  readonly head: QuestionHead;
  readonly choice: PoolChoice;
  readonly key: PickKey;
  readonly triesOthers = true;
  needsNew = false;
  readonly deadline: number;
  readonly #judge: ForwardJudge;
  readonly #view: RequestView;
  readonly #side: BackendSide;
  #waiter: Waiter | undefined;
  /** The verdict where it comes before {@link ask} is over. */
  #early: Verdict | undefined = undefined;
  #isAsking = true;
  /** The verdict of the answer, whose body is still read. */
  #verdict: Verdict | undefined = undefined;
  /** Of an answer that goes on to the client. */
  #status = 0;
  #lines = "";
  #parts: Buffer[] | undefined = undefined;
  #length = 0;
  /** When it was sent, by performance.now(); 0: not yet. */
  #sentAt = 0;

  constructor(judge: ForwardJudge, view: RequestView, pool: ServedPool, waiter: Waiter) {
    const { auth } = judge;
    this.#judge = judge;
    this.#view = view;
    this.#waiter = waiter;
    this.connection = view.connection;
    this.head = new QuestionHead(view, auth);
    this.deadline = performance.now() + auth.timeout;
    this.choice = { pool, backend: undefined, key: undefined };
    this.key = {
      clientAddress: view.client,
      serverName: this.connection.serverName,
      key: undefined,
      preferred: undefined,
    };
    this.#side = new BackendSide(judge.plane, this);
    judge.underWay++;
  }

  ask(): Verdict | Waiting {
    this.#side.begin();
    this.#isAsking = false;
    return this.#early ?? this;
  }

  connected(upstream: RequestUpstream): void {
    const { markers, auth } = this.#judge;
    const { http } = this.choice.pool.definition;
    const { address } = upstream.backend;
    const { fields } = this.#view;
    this.#sentAt = performance.now();
    this.head.scheme = upstream.secure ? "https" : "http";
    this.head.fields = fields;
    this.head.authority =
      typeof http.host === "object"
        ? http.host.name
        : http.host === "backend"
          ? address
          : this.#host(address);
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

  #host(address: string): string {
    const { authority } = this.#view;
    return authority === "" ? address : authority;
  }

  ended(reason: EndReason): void {
    this.#failed(requestReasonOf(reason, "connect_failed"), reason);
  }

  drained(): void {}

  interim(): void {}

  response(head: ResponseHead): void {
    const { status, fields } = head;
    const { auth } = this.#judge;
    this.#side.dispatch.answered(this.#sentAt, serves(status));
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

  body(bytes: Buffer, start: number, end: number, last: boolean): boolean {
    this.#length += end - start;
    if (this.#length > longestBody) {
      // The part that came is no answer for anybody.
      this.#parts = undefined;
      this.#side.drop();
      this.#settle(this.#verdict!);
      return true;
    }
    this.#parts?.push(Buffer.from(bytes.subarray(start, end)));
    if (last) this.end();
    return true;
  }

  end(trailers?: Fields): void {
    this.#side.served(true);
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

  switched(): void {
    this.#failed("upgrade_failed", "it changes to another protocol");
  }

  fail({ reason, detail }: Fault): void {
    if (!this.#repeats()) this.#failed(reason, `${reason} (${detail})`);
  }

  broke(): void {
    if (!this.#repeats()) this.#failed("backend_reset");
  }

  refused(): void {
    if (!this.#repeats()) this.#failed("backend_refused");
  }

  /** Where a connection that was there before ended as it was used: once more, over another. To ask changes nothing. */
  #repeats(): boolean {
    if (this.needsNew || !this.#side.isStale) return false;
    this.needsNew = true;
    this.#sentAt = 0;
    this.#side.leave(false);
    this.#side.again();
    return true;
  }

  #failed(reason: RequestReason, detail: string = reason): void {
    if (this.#sentAt > 0 && this.#verdict === undefined && isBlamed(reason))
      this.#side.dispatch.unanswered("backend_reset", this.#sentAt);
    this.#side.drop();
    const verdict = this.#verdict;
    // It has said no: that its answer is not whole makes no yes of it.
    this.#settle(verdict?.kind === "refuse" ? verdict : this.#judge.failed(detail));
  }

  #settle(verdict: Verdict): void {
    const waiter = this.#waiter;
    if (waiter === undefined) return;
    this.#over();
    if (this.#isAsking) this.#early = verdict;
    else waiter.settle(verdict);
  }

  #over(): void {
    this.#waiter = undefined;
    this.#judge.underWay--;
  }

  withdraw(): void {
    if (this.#waiter === undefined) return;
    this.#over();
    this.#side.drop();
  }

  endIfOverdue(now: number): void {
    if (this.#waiter === undefined) return;
    if (now > this.deadline) this.#failed("first_byte_timeout", "it did not answer in time");
    else if (this.#sentAt === 0) this.#side.dispatch.endIfOverdue(now);
  }

  vacate(slot: number): void {
    if (this.#waiter === undefined || this.#side.dispatch.backend?.slot !== slot) return;
    if (this.#sentAt === 0) this.#side.dispatch.vacate();
    else this.#failed("backend_drained");
  }
}
