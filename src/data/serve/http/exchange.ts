import type { Answer } from "../../../http/answer.ts";
import type { Fault } from "../../../http/fault.ts";
import { grpcStatusOf } from "../../../http/grpc.ts";
import type { Fields, RequestHead, ResponseHead } from "../../../http/message.ts";
import { eventTime } from "../../../lib/read-time.ts";
import { type EndReason, type RequestReason, requestReasons } from "../../../model/reasons.ts";
import type { CompiledRoute } from "../../decide/http/compiled-route.ts";
import { type Decision, decide, decideAgain } from "../../decide/http/decide.ts";
import { isBlamed } from "../../decide/http/retry.ts";
import { Passage, type PassageOwner, type Way } from "../../guard/passage.ts";
import type { Refusal } from "../../guard/step.ts";
import type { ExchangeClient } from "./client.ts";
import type { BackendSide } from "./forward/backend-side.ts";
import { Forward } from "./forward/forward.ts";
import type { ForwardOwner } from "./forward/forward-owner.ts";
import type { Mirror } from "./forward/mirror.ts";
import { choosePoolFor } from "./forward/sticky-pick.ts";
import { passedTrailers, responseEdits } from "./heads.ts";
import { preflightAnswer, refusalAnswer, routeAnswer, textAnswer, writeAnswer } from "./own-answer.ts";
import type { HttpPlane } from "./plane.ts";
import type { ProcessedExchange, StandingProcessing } from "./process/exchange.ts";
import {
  countBegin,
  countLeft,
  fieldsNamed,
  linesOf,
  type RecordedExchange,
  recordExchange,
} from "./record.ts";
import { RequestBody } from "./request-body.ts";
import { leavePlace, takePlace } from "./request-place.ts";
import { retryAfter } from "./retry-after.ts";
import { RequestView } from "./view.ts";

const noMirrors: readonly Mirror[] = [];
const none: readonly StandingProcessing[] = [];

function nameRoute(view: RequestView, route: CompiledRoute | undefined): void {
  view.route = route?.name ?? "";
  view.title = route?.definition.title ?? view.route;
}

/**
 * One request and its answer: route → access → guards → own answer, or pool → {@link Forward} → record. It knows no version of
 * HTTP: the client's side gives it the request and gets the response.
 */
export class Exchange implements ForwardOwner, RecordedExchange, PassageOwner, ProcessedExchange {
  readonly client: ExchangeClient;
  /** Undefined: the request could not be read. */
  view: RequestView | undefined = undefined;
  route: CompiledRoute | undefined = undefined;
  /** Undefined: no backend is asked. */
  forward: Forward | undefined = undefined;
  readonly requestBody = new RequestBody();
  /** Of the answer; 0: there was none. */
  status = 0;
  grpcStatus: number | undefined = undefined;
  detail: string | undefined = undefined;
  /** Bytes of the response's body. */
  sent = 0;
  /** By performance.now(). */
  readonly began = eventTime();
  /** When the answer's head came, by performance.now(); 0: it did not. */
  firstByte = 0;
  responseFields: Readonly<Record<string, string>> | undefined = undefined;
  trailerFields: Readonly<Record<string, string>> | undefined = undefined;
  isOver = false;
  readonly #plane: HttpPlane;
  /** It is the client's first one: nothing says yet that it knows how connections may end. */
  readonly #isFirst: boolean;
  /** Copies of it; most requests have none. */
  #mirrors: readonly Mirror[] = noMirrors;
  /** It has a place among the requests under way. */
  #isCounted = false;

  constructor(plane: HttpPlane, client: ExchangeClient, isFirst: boolean) {
    this.#plane = plane;
    this.client = client;
    this.#isFirst = isFirst;
  }

  /** The request's head. @param last it has no body. */
  begin(head: RequestHead, last: boolean): void {
    const { frontend, connection } = this.client;
    const { routing } = frontend;
    const view = new RequestView(frontend.read(head), connection, routing.reserved);
    this.view = view;
    view.exchange = this;
    view.protocol = this.client.protocol;
    this.requestBody.isWhole = last;
    frontend.early?.change(view);
    const unnamed = frontend.forwarding.identify(view, connection.clientAddress);
    const proof = this.#plane.challenges.answerTo(view.path);
    if (proof !== undefined) {
      this.#answer(textAnswer(proof, view.method), "answered");
      return;
    }
    if (unnamed !== undefined) {
      this.refuse("client_unnamed", unnamed.field, unnamed.status);
      return;
    }
    const decision = decide(routing, view);
    this.route = decision.rule?.route;
    nameRoute(view, this.route);
    if (this.route !== undefined) countBegin(this.#plane, this.route);
    this.#plane.tracing?.begin(view, this.route, this.client);
    if (decision.kind === "forward" && !this.#takePlace()) return;
    if (
      decision.kind === "refuse" ||
      decision.kind === "preflight" ||
      decision.rule.route.guards.length === 0
    )
      this.#follow(decision);
    else {
      const steps = this.#plane.guards.stepsOf(decision.rule.route.definition.guards);
      view.passage = new Passage(steps, view, this, decision);
      if (view.passage.begin()) view.keep();
    }
  }

  /** Before a guard asks anybody: what umay answers itself costs little, and tells others that it lives. */
  #takePlace(): boolean {
    const { frontend, connection } = this.client;
    const { requests } = frontend.front.limits;
    const place = takePlace(this.#plane, connection.listener.definition, requests);
    if (typeof place === "object") this.refuse("overloaded", place.refused);
    else this.#isCounted = place === "counted";
    return typeof place !== "object";
  }

  passed(): void {
    const view = this.view!;
    const { onward } = view.passage!;
    this.#follow(view.processings === undefined ? onward : decideAgain(onward, view));
  }

  /** A processor has changed what routes are chosen by. */
  rerouted(): Way | undefined {
    const [plane, view] = [this.#plane, this.view!];
    const decision = decide(this.client.frontend.routing, view);
    const route = decision.rule?.route;
    if (this.route !== undefined) countLeft(plane, this.route);
    this.route = route;
    nameRoute(view, route);
    if (route !== undefined) countBegin(plane, route);
    if (decision.kind === "forward" && !this.#isCounted && !this.#takePlace()) return undefined;
    const isOver = decision.kind === "refuse" || decision.kind === "preflight";
    return { steps: isOver ? [] : plane.guards.stepsOf(route!.definition.guards), onward: decision };
  }

  /** The client is not told why. */
  refused({ reason, detail, answer, status }: Refusal): void {
    this.detail = detail;
    this.#answer(answer ?? this.#refusal(reason, undefined, status), reason);
  }

  #follow(decision: Decision): void {
    switch (decision.kind) {
      case "refuse":
        this.refuse(decision.reason, decision.readings?.join(" or "));
        break;
      case "preflight":
        this.detail = decision.isAllowed ? "preflight" : "preflight of an origin that is not allowed";
        this.#answer(preflightAnswer(decision.lines), "answered");
        break;
      case "redirect":
      case "respond":
        this.#answer(routeAnswer(decision, this.view!), "answered");
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
    const choice = choosePoolFor(this.route!.definition, view, connection.listener);
    // It has left the configuration, while the request waited for a guard.
    if (choice === undefined) {
      this.refuse("no_backend");
      return;
    }
    const { invalid } = choice.pool.definition;
    if (invalid !== undefined) {
      this.refuse("invalid_backend", invalid);
      return;
    }
    view.pool = choice.pool.definition.name;
    this.route = this.route!.variants?.get(choice.pool.definition.name) ?? this.route!;
    view.keep();
    if (this.route!.definition.mirrors.length > 0 && view.head.upgrade === "") this.#mirror(path);
    this.forward = new Forward(this.#plane, this, { path, choice, isFirst: this.#isFirst });
    this.forward.backend.begin();
  }

  #mirror(path: string): void {
    const { client, body: requestBody } = this;
    const request = { view: this.view!, route: this.route!, client, path, requestBody };
    this.#mirrors = this.route!.definition.mirrors.filter(
      ({ percent }) => Math.random() * 100 < percent,
    ).flatMap((mirror) => this.#plane.mirrors.begin(this.#plane, request, mirror) ?? []);
  }

  get body(): RequestBody {
    return this.view?.processings?.at(-1)?.output ?? this.requestBody;
  }

  takesMore(): void {
    const last = this.view?.processings?.at(-1);
    if (last === undefined) this.client.resume();
    else last.onwardTakes(last.request);
  }

  get backend(): BackendSide | undefined {
    return this.forward?.backend;
  }

  get #mostBody(): number {
    return this.route?.definition.maxBody ?? this.client.frontend.front.limits.body;
  }

  /** A part of the request's body. @returns false to get no more for now. */
  take(bytes: Buffer, start: number, end: number, last: boolean): boolean {
    if (this.isOver) return true;
    const { requestBody, forward, view } = this;
    forward?.moved(last);
    const most = forward?.isSwitched ? 0 : this.#mostBody;
    if (most > 0 && requestBody.received + end - start > most) {
      this.refuse("body_too_large");
      return true;
    }
    if (view?.processings !== undefined) return requestBody.take(bytes, start, end, last);
    return this.passOn(requestBody, bytes, start, end, last);
  }

  passOn(body: RequestBody, bytes: Buffer, start: number, end: number, last: boolean): boolean {
    if (this.isOver) return true;
    if (body === this.body) for (const mirror of this.#mirrors) mirror.take(bytes, start, end, last);
    return body.take(bytes, start, end, last);
  }

  /** The request is whole. */
  complete(trailers: Fields | undefined): void {
    if (this.isOver) return;
    this.forward?.moved(true);
    const { view, route, client } = this;
    const passed = view && route && trailers && passedTrailers(trailers, view, route, client);
    if (view?.processings === undefined) this.passEnd(this.requestBody, passed);
    else this.requestBody.end(passed);
  }

  passEnd(body: RequestBody, trailers: Fields | undefined): void {
    if (this.isOver) return;
    if (body === this.body) for (const mirror of this.#mirrors) mirror.complete(trailers);
    body.end(trailers);
  }

  /** The request breaks the rules, or was cut short. */
  fault({ status, reason, detail }: Fault): void {
    this.refuse(reason === "backend_refused" ? "bad_request" : reason, detail, status);
  }

  /** The client takes more of the response. */
  clientDrained(): void {
    this.forward?.clientDrained();
  }

  /** The client is slow, but it takes what waits for it. */
  clientTakes(): void {
    this.forward?.moved(false);
  }

  answered(head: ResponseHead): void {
    this.changed(head);
    this.firstByte = eventTime();
  }

  changed({ status, fields }: ResponseHead): void {
    const access = linesOf(this.#plane, this.client);
    this.status = status;
    this.grpcStatus = grpcStatusOf(fields);
    if (access !== undefined) this.responseFields = fieldsNamed(access.responseFields, fields);
  }

  trailed(trailers: Fields): void {
    const access = linesOf(this.#plane, this.client);
    this.grpcStatus = grpcStatusOf(trailers) ?? this.grpcStatus;
    if (access !== undefined) this.trailerFields = fieldsNamed(access.trailerFields, trailers);
  }

  served(): void {
    this.#record("served");
  }

  /** The tunnel has ended, for a reason of its own. @param lingers the backend is to have time for what it was sent last. */
  tunnelEnded(reason: EndReason, lingers: boolean): void {
    if (this.isOver) return;
    this.detail = reason;
    this.forward?.drop(lingers);
    this.#record("upgraded");
  }

  /** It is not served. Nothing can be told any more after the head of a response, but that the rest is missing. */
  refuse(reason: RequestReason, detail?: string, status: number = requestReasons[reason].status): void {
    if (this.isOver) return;
    this.detail = detail;
    if (isBlamed(reason)) this.forward?.notAnswered();
    if (this.forward?.hasAnswered || status === 0) {
      this.#cut(reason);
      this.client.abort();
    } else this.#answer(this.#refusal(reason, detail, status), reason);
  }

  answerInstead(answer: Answer, reason: RequestReason, detail: string): void {
    if (this.isOver) return;
    this.detail = detail;
    if (this.forward?.hasAnswered) {
      this.#cut(reason);
      this.client.abort();
    } else this.#answer(answer, reason);
  }

  #refusal(reason: RequestReason, detail?: string, status: number = requestReasons[reason].status): Answer {
    const { view } = this;
    const request = { method: view?.method ?? "", fields: view?.fields, requestId: view?.requestId ?? "" };
    const pool = this.backend?.dispatch.pool.definition;
    const wait = retryAfter(reason, this.#plane.shared, pool);
    return refusalAnswer(this.client.frontend, request, { status, reason, detail, retryAfter: wait });
  }

  /** The client is gone, or is to be cut: it gets nothing any more. */
  abandon(reason: RequestReason): void {
    if (!this.isOver) this.#cut(reason);
  }

  #cut(reason: RequestReason): void {
    this.forward?.drop();
    this.#record(reason);
  }

  #answer(answer: Answer, reason: RequestReason): void {
    const { response } = this.client;
    this.forward?.drop();
    this.changed(answer.head);
    this.sent = answer.body.length;
    this.#record(reason);
    if (!this.requestBody.isWhole) response.isLast = true;
    writeAnswer(answer, response, responseEdits(answer.head, this.view, this.route, this.client));
    this.client.over();
  }

  #record(reason: RequestReason): void {
    this.isOver = true;
    for (const mirror of this.#mirrors) mirror.requestOver();
    if (this.#isCounted) leavePlace(this.#plane, this.client.connection.listener.definition);
    this.view?.passage?.end();
    for (const processing of this.view?.processings ?? none) processing.end();
    recordExchange(this.#plane, this, reason);
  }

  /** @param now by performance.now(). */
  endIfOverdue(now: number): void {
    if (this.isOver) return;
    for (const processing of this.view?.processings ?? none) processing.endIfOverdue(now);
    if (this.forward === undefined) this.#waitForGuard(now);
    else this.forward.endIfOverdue(now);
  }

  #waitForGuard(now: number): void {
    const request = this.route?.definition.timeouts.request;
    // Whoever is to have the body waits for the client; the answers of processors are bounded anyway.
    const isBounded = this.view?.processings === undefined && this.view?.passage?.awaitsClient !== true;
    if (isBounded && request !== undefined && now - this.began > request) this.refuse("auth_unavailable");
    else this.view?.passage?.endIfOverdue(now);
  }

  /** Whether it has a backend, or is about to; by its slot. */
  isOn(slot: number): boolean {
    return this.forward?.isOn(slot) ?? false;
  }

  /** Leaves a backend, by its slot. */
  vacate(slot: number): void {
    if (this.isOver) return;
    for (const processing of this.view?.processings ?? none) processing.vacate(slot);
    if (this.forward === undefined) this.view?.passage?.vacate(slot);
    else this.forward.vacate(slot);
  }
}
