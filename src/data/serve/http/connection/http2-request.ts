import type { Fault } from "../../../../http/fault.ts";
import { errorCode } from "../../../../http/http2/protocol.ts";
import type { RequestUser, ServerStream } from "../../../../http/http2/server-stream.ts";
import type { Fields, RequestHead } from "../../../../http/message.ts";
import { type Member, outside } from "../../../../lib/crowd.ts";
import type { RequestReason } from "../../../../model/reasons.ts";
import { clock } from "../../../clock.ts";
import type { ExchangeClient, HttpConnection } from "../client.ts";
import { Exchange } from "../exchange.ts";
import type { LastForwarded } from "../forwarded.ts";
import type { HttpFrontend } from "../frontend.ts";
import type { HttpPlane } from "../plane.ts";
import { BodyPace } from "./body-pace.ts";
import { Http2Response } from "./http2-response.ts";

/** The connection of a request. */
export interface RequestConnection {
  readonly connection: HttpConnection;
  readonly frontend: HttpFrontend;
  readonly forwarded: LastForwarded;
  /** The request is over. */
  forget(request: Http2Request): void;
}

/** One request over HTTP/2: stands between its stream and its exchange. */
export class Http2Request implements RequestUser, ExchangeClient, Member {
  readonly connection: HttpConnection;
  readonly frontend: HttpFrontend;
  readonly forwarded: LastForwarded;
  readonly protocol = "HTTP/2";
  /** Among the requests of its connection. */
  place = outside;
  readonly response: Http2Response;
  readonly #owner: RequestConnection;
  readonly #stream: ServerStream;
  readonly exchange: Exchange;
  readonly #pace = new BodyPace();

  /** @param isFirst it is the connection's first one. */
  constructor(plane: HttpPlane, owner: RequestConnection, stream: ServerStream, isFirst: boolean) {
    this.#owner = owner;
    this.connection = owner.connection;
    this.frontend = owner.frontend;
    this.forwarded = owner.forwarded;
    this.response = new Http2Response(stream);
    this.#stream = stream;
    this.exchange = new Exchange(plane, this, isFirst);
  }

  request(head: RequestHead, last: boolean): void {
    this.exchange.begin(head, last);
  }

  body(bytes: Buffer, start: number, end: number, last: boolean): boolean {
    this.#pace.moved(clock.now);
    const accepts = this.exchange.take(bytes, start, end, last);
    if (!accepts) this.#pace.pause(clock.now);
    return accepts;
  }

  end(trailers: Fields | undefined): void {
    this.exchange.complete(trailers);
  }

  /** Where the stream is gone, nobody can be answered. */
  fail(fault: Fault): void {
    if (this.#stream.gone) this.abandon("client_reset");
    else this.exchange.fault(fault);
  }

  ready(): void {
    this.exchange.clientDrained();
  }

  resume(): void {
    this.#pace.resume(clock.now);
    this.#stream.resume();
  }

  over(): void {
    this.#owner.forget(this);
  }

  /** The client sees an error, and never an end. */
  abort(): void {
    this.#stream.breakOff(errorCode.internal);
    this.#owner.forget(this);
  }

  abandon(reason: RequestReason): void {
    this.exchange.abandon(reason);
    this.#owner.forget(this);
  }

  vacate(slot: number): void {
    this.exchange.vacate(slot);
  }

  /** @param now by performance.now(). */
  endIfOverdue(now: number): void {
    const { requestBody, began } = this.exchange;
    const { timeouts, limits } = this.frontend.front;
    this.exchange.endIfOverdue(now);
    if (requestBody.isWhole || this.exchange.isOver) return;
    const { received } = requestBody;
    const body = { began, received, idle: timeouts.bodyIdle, least: limits.minBodyRate };
    const late = this.#pace.overdue(now, body);
    if (late !== undefined) this.exchange.refuse(late);
  }
}
