import { continueHead } from "../../../../http/answer.ts";
import type { Fault } from "../../../../http/fault.ts";
import type { Fields, ResponseHead } from "../../../../http/message.ts";
import { eventTime } from "../../../../lib/read-time.ts";
import type { RetryPolicy, RetryTrigger } from "../../../../model/http/retry.ts";
import { type EndReason, type RequestReason, requestReasonOf } from "../../../../model/reasons.ts";
import { clock } from "../../../clock.ts";
import type { CompiledRoute } from "../../../decide/http/compiled-route.ts";
import { isListed, mostKept, serves, survivesReuse } from "../../../decide/http/retry.ts";
import type { PickKey } from "../../../pick/picker.ts";
import type { RequestUpstream, UpstreamUser } from "../../../upstream/request-upstream.ts";
import { type HttpConnection, takesEarlyHints } from "../client.ts";
import { editedTrailers, ForwardedHead, requestEdits, responseEdits } from "../heads.ts";
import type { HttpPlane } from "../plane.ts";
import { ProcessedUser } from "../process/processed-user.ts";
import type { RequestView } from "../view.ts";
import { BackendSide, type BackendSideOwner } from "./backend-side.ts";
import { CompressedBody, type CompressingForward } from "./compressed-body.ts";
import { treat } from "./compression.ts";
import type { ForwardOwner } from "./forward-owner.ts";
import { bytesAreLate, type ForwardTimes, headIsLate, type Phase } from "./forward-times.ts";
import { GrpcCall } from "./grpc-call.ts";
import { type Repeated, Retries } from "./retries.ts";
import { withinSize } from "./sized-answer.ts";
import { keepClient, unwrapField } from "./sticky-fields.ts";
import { type PoolChoice, pickKeyOf } from "./sticky-pick.ts";
import { Tunnel } from "./tunnel.ts";

/** How long a client that waits for a 100 waits for that of the backend, in milliseconds (RFC 9110 section 10.1.1). */
const longestContinue = 1_000;

/** A request that goes to a backend, and the way of its answer back to the client. */
export class Forward implements BackendSideOwner, UpstreamUser, CompressingForward, ForwardTimes, Repeated {
  readonly backend: BackendSide;
  readonly head: ForwardedHead;
  readonly choice: PoolChoice;
  readonly key: PickKey;
  readonly speaksHttp2: boolean;
  readonly deadline: number | undefined;
  readonly #call: GrpcCall | undefined;
  /** It is the client's first one: nothing says yet that it knows how connections may end. */
  readonly #isFirst: boolean;
  readonly #owner: ForwardOwner;
  readonly #view: RequestView;
  readonly #route: CompiledRoute;
  #phase: Phase = "dispatch";
  #continued = false;
  asked = 0;
  tried = 0;
  lastActive = clock.now;
  /** Undefined: it asks for none, or has no backend yet. */
  #tunnel: Tunnel | undefined = undefined;
  /** Undefined: the answer goes as it comes. */
  #compressed: CompressedBody | undefined = undefined;
  /** Undefined: no processor has a say in the answer. */
  #processed: ProcessedUser | undefined = undefined;
  /** Undefined: no attempt has failed. */
  #retries: Retries | undefined = undefined;

  /**
   * @param owner has a view that is kept, and a route.
   * @param to the path as the backend gets it, without the query; `isFirst`: it is the client's first request.
   */
  constructor(
    plane: HttpPlane,
    owner: ForwardOwner,
    to: { readonly path: string; readonly choice: PoolChoice; readonly isFirst: boolean },
  ) {
    this.#owner = owner;
    this.speaksHttp2 = owner.client.protocol === "HTTP/2";
    this.#view = owner.view!;
    this.#route = owner.route!;
    this.head = new ForwardedHead(this.#view, to.path, this.#route);
    this.choice = to.choice;
    this.#call = GrpcCall.of(this.head, this.#route.definition.timeouts.request);
    const time = this.#call === undefined ? this.#route.definition.timeouts.request : this.#call.time;
    this.deadline = time === undefined ? undefined : owner.began + time;
    this.#isFirst = to.isFirst;
    this.key = pickKeyOf(to.choice, this.#view, this.connection);
    this.backend = new BackendSide(plane, this, owner);
  }

  get connection(): HttpConnection {
    return this.#owner.client.connection;
  }

  get triesOthers(): boolean {
    return this.retry.on.includes("connect-failed");
  }

  /**
   * A connection may end while a request is on its way to it. A request that must not be sent twice is lost then; so the
   * first one of a client takes a connection of its own.
   */
  get needsNew(): boolean {
    return this.#retries?.needsNew ?? (this.#isFirst && !survivesReuse(this.retry, this.head));
  }

  /** The head of a final answer has come. */
  get hasAnswered(): boolean {
    return this.#phase === "answering" || this.#phase === "switched";
  }

  get isSwitched(): boolean {
    return this.#phase === "switched";
  }

  connected(upstream: RequestUpstream): void {
    const [{ body, client }, { backend }] = [this.#owner, upstream];
    const [head, route, view] = [this.head, this.#route, this.#view];
    view.backend = backend.address;
    if (head.upgrade !== "" && !upstream.takesTunnels) {
      this.#owner.refuse("upgrade_failed", "no_extended_connect");
      return;
    }
    this.#phase = "sent";
    this.asked = eventTime();
    this.tried = this.asked - (this.backend.dispatch.connectTook ?? 0);
    this.lastActive = clock.now;
    const { http } = this.backend.dispatch.pool.definition;
    head.goesTo(upstream, route, http);
    body.keep(mostKept(this.retry, head.method, upstream.mayRefuse, this.#call));
    const edits = requestEdits(view, route, client);
    unwrapField(route.definition.sticky, view.fields, edits);
    this.#processed = ProcessedUser.of(this, view);
    if (head.upgrade !== "") {
      // Bytes that the client sends before the backend has agreed wait.
      this.#tunnel = new Tunnel(this.#owner, head, upstream, edits);
      upstream.request(this.#processed ?? this, head, false, edits);
      return;
    }
    this.#call?.tell(head.fields, edits, this.deadline! - this.asked);
    upstream.request(withinSize(this.#processed ?? this, this.#owner), head, body.waits, edits);
    body.flow(upstream.requestBody, head.length === 0);
    if (!body.isWhole) this.#owner.takesMore();
  }

  ended(reason: EndReason): void {
    if (this.backend.hasTriedAll(reason)) {
      this.#retries ??= new Retries(this);
      if (this.#retries.startsOver()) return;
    }
    const failed = this.#retries?.reason;
    if (failed === undefined) this.#owner.refuse(requestReasonOf(reason, "connect_failed"));
    else this.#owner.refuse(failed, reason);
  }

  /** A part of the request came, or the client took some of its answer. @param last the request is whole. */
  moved(last: boolean): void {
    this.lastActive = clock.now;
    if (last) this.asked = this.tried = eventTime();
  }

  drained(): void {
    this.lastActive = clock.now;
    this.#owner.takesMore();
  }

  /** The client takes more of the response. */
  clientDrained(): void {
    this.lastActive = clock.now;
    (this.#compressed ?? this.#processed ?? this.backend.upstream)?.resume();
  }

  /** More of the backend's answer is wanted. */
  takesMore(): void {
    (this.#processed ?? this.backend.upstream)?.resume();
  }

  interim(head: ResponseHead): void {
    this.lastActive = clock.now;
    const { client } = this.#owner;
    if (head.status === 100) {
      if (!this.head.expectsContinue || this.#continued) return;
      this.#continued = true;
    } else if (head.status === 103 && !takesEarlyHints(client)) return;
    client.response.interim(head);
  }

  response(head: ResponseHead, follows: boolean): void {
    if (this.holds(head)) this.answer(head, follows);
  }

  /** A head has come. @returns false where it is replaced by that of another attempt. */
  holds(head: ResponseHead): boolean {
    if (this.#repeats(this.#call?.failure(head) ?? head.status, "retry_failed")) return false;
    this.#owner.body.release();
    this.#answered(head);
    this.#phase = "held";
    return true;
  }

  /** The head goes to the client. */
  answer(head: ResponseHead, follows: boolean): void {
    const [{ client }, route, view] = [this.#owner, this.#route, this.#view];
    if (this.#processed !== undefined) this.#owner.changed(head);
    this.#phase = "answering";
    const { head: treated, coding } = treat(route.definition.compress, view, head);
    if (coding !== undefined) this.#compressed = new CompressedBody(coding, head.length, this.#owner, this);
    const edits = responseEdits(treated, view, route, client);
    keepClient(route.definition.sticky, view, this, treated.fields, edits);
    client.response.response(treated, follows && this.#compressed === undefined, edits);
  }

  #answered(head: ResponseHead): void {
    this.lastActive = clock.now;
    this.#owner.answered(head);
    this.backend.dispatch.answered(this.asked, serves(head.status));
  }

  body(bytes: Buffer, start: number, end: number, last: boolean): boolean {
    this.lastActive = clock.now;
    const { client } = this.#owner;
    if (this.#compressed !== undefined) {
      const accepts = this.#compressed.write(bytes, start, end);
      if (last) this.end(undefined);
      return accepts || last;
    }
    // Of a relayed tunnel all bytes are counted where they are written.
    if (this.#tunnel?.isRelayed !== true) this.#owner.sent += end - start;
    if (!last || this.#phase === "switched") {
      const accepts = client.response.body(bytes, start, end, false);
      if (last) this.#tunnel!.end();
      return accepts;
    }
    this.#served();
    client.response.body(bytes, start, end, true);
    client.over();
    return true;
  }

  compressedMoved(ended: boolean): void {
    this.lastActive = clock.now;
    if (ended) this.#phase = "over";
  }

  end(came: Fields | undefined): void {
    const trailers = came && editedTrailers(came, this.#route, this.#view);
    if (trailers !== undefined) this.#owner.trailed(trailers);
    if (this.#compressed !== undefined) {
      this.#compressed.end(this.head.takesTrailers ? trailers : undefined);
      this.#leaveBackend();
      return;
    }
    if (this.#phase === "switched") this.#tunnel!.end();
    else {
      const { client } = this.#owner;
      this.#served();
      client.response.end(this.head.takesTrailers ? trailers : undefined);
      client.over();
    }
  }

  /** The response is complete. The connection to the backend is free before the client has the end: its next request may take it. */
  #served(): void {
    this.#phase = "over";
    this.#leaveBackend();
    this.#owner.served();
  }

  /** A processor may have given an answer of its own before the backend's has ended. */
  #leaveBackend(): void {
    this.backend.served(this.#owner.body.isWhole && this.#processed?.isReceived !== false);
  }

  switched(head: ResponseHead): void {
    const tunnel = this.#tunnel!;
    if (!tunnel.isAgreed(head)) {
      this.#owner.refuse("upgrade_failed");
      return;
    }
    this.#answered(head);
    this.#phase = "switched";
    tunnel.begin(head, responseEdits(head, this.#view, this.#route, this.#owner.client));
  }

  /** The backend's response breaks the rules, or was cut short. */
  fail({ reason, detail }: Fault): void {
    if (reason === "backend_closed") this.#lost(reason, detail);
    else this.#owner.refuse(reason as RequestReason, detail);
  }

  broke(): void {
    this.#lost("backend_reset");
  }

  #lost(reason: RequestReason, detail?: string): void {
    // A stream that is reset says nothing of its connection's end.
    const isEnd = detail !== "stream_reset";
    const trigger = isEnd ? this.backend.endTrigger(this.retry) : "reset";
    if (!this.#repeats(trigger, reason)) this.#owner.refuse(reason, detail);
  }

  refused(): void {
    if (!this.#repeats("refused-stream", "backend_refused")) this.#owner.refuse("backend_refused");
  }

  /** @returns whether the request is on its way once more, or will be: see {@link Retries.repeats}. */
  #repeats(trigger: RetryTrigger | number, reason: RequestReason): boolean {
    if (this.#phase !== "sent" || !isListed(this.retry, trigger)) return false;
    this.#retries ??= new Retries(this);
    return this.#retries.repeats(trigger, reason);
  }

  get retry(): RetryPolicy {
    return this.#route.definition.retry;
  }

  get isThere(): boolean {
    return this.#owner.body.isThere;
  }

  backsOff(): void {
    this.#phase = "backoff";
    this.#owner.body.stop();
  }

  again(): void {
    this.#phase = "dispatch";
    this.backend.again();
  }

  /** No answer has come, and none will: that counts against the backend. */
  notAnswered(): void {
    if (this.#phase === "sent") this.backend.dispatch.unanswered("backend_reset", this.asked);
  }

  /** Gives up, and gives back all that it has. @param lingers the backend is to have time for what it was sent last. */
  drop(lingers = false): void {
    this.#phase = "over";
    this.#retries?.stop();
    this.#compressed?.drop();
    if (!this.#compressed?.isReceived) this.backend.drop(lingers);
  }

  /** @param now by performance.now(). */
  endIfOverdue(now: number): void {
    switch (this.#phase) {
      case "dispatch":
        this.backend.dispatch.endIfOverdue(now);
        break;
      case "backoff":
        this.#retries!.goIfDue(now);
        break;
      case "sent":
        this.#letContinue(now);
        this.#endIfLate(now);
        break;
      case "held":
      case "answering":
        this.#endIfLate(now);
        break;
      case "switched":
        if (this.#tunnel!.isIdle(now - this.lastActive)) this.#owner.refuse("idle_timeout");
    }
  }

  #letContinue(now: number): void {
    const { body, client } = this.#owner;
    const isAwaited = this.head.expectsContinue && !body.isWhole && !this.#continued;
    if (!isAwaited || now - this.asked <= longestContinue) return;
    this.#continued = true;
    client.response.interim(continueHead);
  }

  #endIfLate(now: number): void {
    const { body, client } = this.#owner;
    const { timeouts } = this.#route.definition;
    const isAsked = this.#phase === "sent" && body.isWhole;
    const late = isAsked ? headIsLate(this, now, timeouts, this.#call !== undefined) : undefined;
    const reason = late ?? bytesAreLate(this, now, timeouts.idle ?? client.frontend.front.timeouts.idle);
    if (reason === undefined || (reason === "try_timeout" && this.#repeats("try-timeout", reason))) return;
    this.#owner.refuse(reason);
  }

  /** Whether it has a backend, or is about to; by its slot. */
  isOn(slot: number): boolean {
    return !this.#compressed?.isReceived && this.backend.backend?.slot === slot;
  }

  /** Leaves a backend, by its slot. */
  vacate(slot: number): void {
    if (!this.isOn(slot)) return;
    if (this.#phase === "dispatch") this.backend.dispatch.vacate();
    else this.#owner.refuse("backend_drained");
  }
}
