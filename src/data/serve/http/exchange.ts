import { type Answer, continueHead } from "../../../http/answer.ts";
import type { Fault } from "../../../http/fault.ts";
import { fieldIds } from "../../../http/field-names.ts";
import type { Fields, RequestHead, ResponseHead } from "../../../http/message.ts";
import { webSocketAccept } from "../../../http/websocket.ts";
import { type EndReason, type RequestReason, requestReasons } from "../../../model/reasons.ts";
import { clock } from "../../clock.ts";
import type { CompiledRoute } from "../../decide/http/compiled-route.ts";
import { type Decision, decide } from "../../decide/http/decide.ts";
import { Passage, type PassageOwner } from "../../guard/passage.ts";
import type { Refusal } from "../../guard/step.ts";
import type { Http1Upstream, UpstreamUser } from "../../upstream/http1.ts";
import { BackendSide, type BackendSideOwner } from "./backend-side.ts";
import type { ExchangeClient } from "./client.ts";
import { authorityFor, ForwardedHead, requestEdits, responseEdits } from "./heads.ts";
import { refusalAnswer, routeAnswer, writeAnswer } from "./own-answer.ts";
import type { HttpPlane } from "./plane.ts";
import { countBegin, type RecordedExchange, recordExchange } from "./record.ts";
import { RequestBody } from "./request-body.ts";
import { choosePoolFor, stickyField } from "./sticky-pick.ts";
import { RequestView } from "./view.ts";

/** How long a client that waits for a 100 waits for that of the backend, in milliseconds (RFC 9110 section 10.1.1). */
const longestContinue = 1_000;

/**
 * How far an exchange has come. In `guarded` a guard of its route waits, in `dispatch` there is no backend yet, in `sent` no answer; `answering` is from the
 * final head to the last byte, `switched` after a change of protocol.
 */
type Phase = "new" | "guarded" | "dispatch" | "sent" | "answering" | "switched" | "over";

/**
 * One request and its answer: route → access → own answer, or pool → dispatch → forward → record. It knows no version of
 * HTTP: the client's side gives it the request and gets the response.
 */
export class Exchange implements BackendSideOwner, UpstreamUser, RecordedExchange, PassageOwner {
  readonly client: ExchangeClient;
  /** Undefined: the request could not be read. */
  view: RequestView | undefined = undefined;
  route: CompiledRoute | undefined = undefined;
  /** Undefined: no backend is asked. */
  backend: BackendSide | undefined = undefined;
  readonly requestBody = new RequestBody();
  /** Of the answer; 0: there was none. */
  status = 0;
  detail: string | undefined = undefined;
  /** Bytes of the response's body. */
  sent = 0;
  /** By performance.now(). */
  readonly began = performance.now();
  /** When the answer's head came, by performance.now(); 0: it did not. */
  firstByte = 0;
  readonly #plane: HttpPlane;
  /** It is the client's first one: nothing says yet that it knows how connections may end. */
  readonly #isFirst: boolean;
  #phase: Phase = "new";
  #head: ForwardedHead | undefined = undefined;
  #continued = false;
  /** When the last byte of the request went to the backend, or its head, by performance.now(). */
  #asked = 0;
  /** When a byte moved last, in either direction, by {@link clock}. */
  #lastActive = clock.now;

  constructor(plane: HttpPlane, client: ExchangeClient, isFirst: boolean) {
    this.#plane = plane;
    this.client = client;
    this.#isFirst = isFirst;
  }

  /** The request's head. @param last it has no body. */
  begin(head: RequestHead, last: boolean): void {
    const { frontend, connection } = this.client;
    const view = new RequestView(head, connection);
    this.view = view;
    this.requestBody.isWhole = last;
    frontend.forwarding.identify(view, connection.clientAddress);
    const decision = decide(frontend.routing, view);
    this.route = decision.rule?.route;
    view.route = this.route?.name ?? "";
    if (this.route !== undefined) countBegin(this.#plane, this.route);
    if (decision.kind === "refuse" || decision.rule.route.guards.length === 0) this.#follow(decision);
    else {
      const steps = this.#plane.guards.stepsOf(decision.rule.route.definition.guards);
      this.#phase = "guarded";
      view.passage = new Passage(steps, view, this, decision);
      if (view.passage.begin()) view.keep();
    }
  }

  passed(): void {
    this.#follow(this.view!.passage!.onward);
  }

  /** The client is not told why. */
  refused({ reason, detail, answer }: Refusal): void {
    this.detail = detail;
    this.#answer(answer ?? this.#refusal(reason), reason);
  }

  #follow(decision: Decision): void {
    const { method } = this.view!;
    switch (decision.kind) {
      case "refuse":
        this.refuse(decision.reason, decision.readings?.join(" or "));
        break;
      case "redirect":
      case "respond":
        this.#answer(routeAnswer(decision, method), "answered");
        break;
      case "forward":
        this.#forward(decision.path);
    }
  }

  #forward(path: string): void {
    const view = this.view!;
    const { connection } = this.client;
    const most = this.#mostBody;
    if (most > 0 && view.head.length > most) {
      this.refuse("body_too_large");
      return;
    }
    const { timeouts } = this.route!.definition;
    const { method, length, upgrade } = view.head;
    const choice = choosePoolFor(this.route!.definition, view, (name) => connection.listener.poolNamed(name));
    view.keep();
    this.#head = new ForwardedHead(view, path);
    this.#phase = "dispatch";
    const deadline = timeouts.request === undefined ? undefined : this.began + timeouts.request;
    const request = { method, length, upgrade, isFirst: this.#isFirst, deadline };
    this.backend = new BackendSide(this.#plane, this, connection, { choice, client: view.client }, request);
    this.backend.begin();
  }

  get isOver(): boolean {
    return this.#phase === "over";
  }

  get #mostBody(): number {
    return this.route?.definition.maxBody ?? this.client.frontend.front.limits.body;
  }

  /** A part of the request's body. @returns false to get no more for now. */
  take(bytes: Buffer, start: number, end: number, last: boolean): boolean {
    if (this.#phase === "over") return true;
    this.#lastActive = clock.now;
    if (last) this.#asked = performance.now();
    const most = this.#mostBody;
    if (this.#phase === "switched") {
      this.requestBody.received += end - start;
      return this.backend!.upstream!.body.body(bytes, start, end, false);
    }
    if (most > 0 && this.requestBody.received + end - start > most) {
      this.refuse("body_too_large");
      return true;
    }
    return this.requestBody.take(bytes, start, end, last);
  }

  /** The request is whole. */
  complete(trailers: Fields | undefined): void {
    if (this.#phase === "over") return;
    this.#asked = performance.now();
    this.requestBody.end(trailers);
  }

  /** The request breaks the rules, or was cut short. */
  fault({ status, reason, detail }: Fault): void {
    this.refuse(reason === "backend_refused" ? "bad_request" : reason, detail, status);
  }

  connected(upstream: Http1Upstream): void {
    const view = this.view!;
    const head = this.#head!;
    const { backend } = upstream.upstream;
    this.#phase = "sent";
    this.#asked = performance.now();
    this.#lastActive = clock.now;
    view.backend = backend.address;
    head.authority = authorityFor(view, this.route!, this.backend!.dispatch.pool.definition.http, backend);
    const body = this.requestBody;
    upstream.request(this, head, body.waits, requestEdits(view, this.route!, this.client));
    body.flow(upstream.body, head.length === 0);
    if (!body.isWhole) this.client.resume();
  }

  ended(reason: EndReason): void {
    this.refuse(reason in requestReasons ? (reason as RequestReason) : "connect_failed");
  }

  drained(): void {
    this.#lastActive = clock.now;
    this.client.resume();
  }

  /** The client takes more of the response. */
  clientDrained(): void {
    this.#lastActive = clock.now;
    this.backend?.upstream?.upstream.socket.resume();
  }

  interim(head: ResponseHead): void {
    this.#lastActive = clock.now;
    const { frontend, protocol, response } = this.client;
    if (head.status === 100) {
      if (!this.view!.head.expectsContinue || this.#continued) return;
      this.#continued = true;
    } else if (head.status === 103) {
      const { earlyHints } = frontend.front;
      if (earlyHints === "off" || (earlyHints === "2" && protocol !== "HTTP/2")) return;
    }
    response.interim(head);
  }

  response(head: ResponseHead, follows: boolean): void {
    this.#answered(head.status);
    this.#phase = "answering";
    const view = this.view!;
    const edits = responseEdits(head, view, this.route, this.client);
    edits.lines += stickyField(this.route!.definition, view, this.backend!.choice, this.backend!.dispatch);
    this.client.response.response(head, follows, edits);
  }

  #answered(status: number): void {
    this.firstByte = performance.now();
    this.#lastActive = clock.now;
    this.status = status;
    const serves = status !== 502 && status !== 503 && status !== 504;
    this.backend!.dispatch.answered(this.#asked, serves);
  }

  body(bytes: Buffer, start: number, end: number, last: boolean): boolean {
    this.#lastActive = clock.now;
    const { response } = this.client;
    // Of a tunnel all bytes are counted where they are written.
    if (this.#phase !== "switched") this.sent += end - start;
    if (!last) return response.body(bytes, start, end, false);
    this.#served();
    response.body(bytes, start, end, true);
    this.client.over();
    return true;
  }

  end(trailers: Fields | undefined): void {
    if (this.#phase === "switched") return;
    this.#served();
    this.client.response.end(this.view!.head.takesTrailers ? trailers : undefined);
    this.client.over();
  }

  /** The response is complete. The connection to the backend is free before the client has the end: its next request may take it. */
  #served(): void {
    this.backend!.served(this.requestBody.isWhole);
    this.#record("served");
  }

  switched(head: ResponseHead): void {
    const key = this.view!.fields.find(fieldIds["sec-websocket-key"]);
    const accept = head.fields.find(fieldIds["sec-websocket-accept"]);
    const expected = key < 0 ? "" : webSocketAccept(this.view!.fields.value(key));
    if (accept < 0 || head.fields.value(accept) !== expected) {
      this.refuse("upgrade_failed");
      return;
    }
    this.#answered(head.status);
    this.#phase = "switched";
    this.client.response.switched(head, responseEdits(head, this.view!, this.route, this.client));
    this.client.relay(this.backend!.upstream!);
  }

  /** The tunnel has ended, for a reason of its own. @param lingers the backend is to have time for what it was sent last. */
  tunnelEnded(reason: EndReason, lingers: boolean): void {
    if (this.#phase === "over") return;
    this.detail = reason;
    this.backend?.drop(lingers);
    this.#record("upgraded");
  }

  /** The backend's response breaks the rules, or was cut short. */
  fail({ reason, detail }: Fault): void {
    if (this.#phase === "over" || this.#repeats()) return;
    this.refuse(reason as RequestReason, detail);
  }

  broke(): void {
    if (this.#phase === "over" || this.#repeats()) return;
    this.refuse("backend_reset");
  }

  #repeats(): boolean {
    if (this.#phase !== "sent") return false;
    this.#phase = "dispatch";
    if (this.backend!.repeat()) return true;
    this.#phase = "sent";
    return false;
  }

  /** It is not served. Nothing can be told any more after the head of a response, but that the rest is missing. */
  refuse(reason: RequestReason, detail?: string, status: number = requestReasons[reason].status): void {
    if (this.#phase === "over") return;
    this.detail = detail;
    // Whether the backend would have answered is not known.
    if (this.#phase === "sent" && status >= 502)
      this.backend!.dispatch.unanswered("backend_reset", this.#asked);
    if (this.#phase === "answering" || this.#phase === "switched" || status === 0) {
      this.#cut(reason);
      this.client.abort("request_cut");
    } else this.#answer(this.#refusal(reason, detail, status), reason);
  }

  #refusal(reason: RequestReason, detail?: string, status: number = requestReasons[reason].status): Answer {
    const { view } = this;
    const request = { method: view?.method ?? "", fields: view?.fields, requestId: view?.requestId ?? "" };
    return refusalAnswer(this.client.frontend, request, { status, reason, detail });
  }

  /** The client is gone, or is to be cut: it gets nothing any more. */
  abandon(reason: RequestReason): void {
    if (this.#phase !== "over") this.#cut(reason);
  }

  #cut(reason: RequestReason): void {
    this.backend?.drop();
    this.#record(reason);
  }

  #answer(answer: Answer, reason: RequestReason): void {
    const { response } = this.client;
    const { head, body } = answer;
    this.backend?.drop();
    this.status = head.status;
    this.sent = body.length;
    this.#record(reason);
    if (!this.requestBody.isWhole) response.isLast = true;
    writeAnswer(answer, response, responseEdits(head, this.view, this.route, this.client));
    this.client.over();
  }

  #record(reason: RequestReason): void {
    this.#phase = "over";
    this.view?.passage?.end();
    recordExchange(this.#plane, this, reason);
  }

  /** @param now by performance.now(). */
  endIfOverdue(now: number): void {
    switch (this.#phase) {
      case "guarded":
        this.#waitForGuard(now);
        break;
      case "dispatch":
        this.backend!.dispatch.endIfOverdue(now);
        break;
      case "sent":
        this.#waitForHead(now);
        break;
      case "answering":
        this.#waitForBytes(now);
    }
  }

  #waitForGuard(now: number): void {
    const { request } = this.route!.definition.timeouts;
    if (request !== undefined && now - this.began > request) this.refuse("auth_unavailable");
    else this.view!.passage!.endIfOverdue(now);
  }

  #waitForHead(now: number): void {
    const { head } = this.view!;
    const { isWhole } = this.requestBody;
    if (head.expectsContinue && !isWhole && !this.#continued && now - this.#asked > longestContinue) {
      this.#continued = true;
      this.client.response.interim(continueHead);
    }
    if (isWhole && now - this.#asked > this.route!.definition.timeouts.firstByte)
      this.refuse("first_byte_timeout");
    else this.#waitForBytes(now);
  }

  #waitForBytes(now: number): void {
    const { idle = this.client.frontend.front.timeouts.idle, request } = this.route!.definition.timeouts;
    if (request !== undefined && now - this.began > request) this.refuse("request_timeout_backend");
    else if (now - this.#lastActive > idle) this.refuse("idle_timeout");
  }

  /** Whether it has a backend, or is about to; by its slot. */
  isOn(slot: number): boolean {
    return this.backend?.dispatch.upstream?.backend.slot === slot;
  }

  /** Leaves a backend, by its slot. */
  vacate(slot: number): void {
    this.view?.passage?.vacate(slot);
    if (!this.isOn(slot)) return;
    if (this.#phase === "dispatch") this.backend!.dispatch.vacate();
    else this.refuse("backend_drained");
  }
}
