import type { BodyReceiver, RequestHead, ResponseHead } from "../../../../http/message.ts";
import type { EndReason } from "../../../../model/reasons.ts";
import type { RequestUpstream } from "../../../upstream/request-upstream.ts";
import type { ExchangeClient } from "../client.ts";
import type { FieldChanges } from "../heads.ts";
import type { RequestBody } from "../request-body.ts";
import { WebSocketHandshake } from "./web-socket.ts";

/** The owner of a request that asks for a tunnel. */
export interface TunnelOwner {
  readonly client: ExchangeClient;
  /** The bytes that the client sends, on their way to the backend. */
  readonly body: RequestBody;
  /** More of them are wanted. */
  takesMore(): void;
  /** The tunnel has ended, for a reason of its own. @param lingers the backend is to have time for what it was sent last. */
  tunnelEnded(reason: EndReason, lingers: boolean): void;
}

/**
 * A WebSocket between a client and a backend, from the request for it. Where both speak HTTP/1.1 the client's connection
 * relays it from socket to socket; else its bytes pass as those of a request and its answer do.
 */
export class Tunnel {
  /** The client's connection moves its bytes, and counts them. */
  readonly isRelayed: boolean;
  readonly #owner: TunnelOwner;
  readonly #upstream: RequestUpstream;
  readonly #handshake: WebSocketHandshake;

  /** @param edits of the request: they get what the backend is asked. */
  constructor(owner: TunnelOwner, { fields }: RequestHead, upstream: RequestUpstream, edits: FieldChanges) {
    const { client } = owner;
    this.#owner = owner;
    this.#upstream = upstream;
    this.#handshake = new WebSocketHandshake(fields, client.protocol === "HTTP/2", upstream.mayRefuse);
    this.#handshake.ask(fields, edits);
    this.isRelayed = upstream.relayed !== undefined && client.relay !== undefined;
  }

  isAgreed({ fields }: ResponseHead): boolean {
    return this.#handshake.isAgreed(fields);
  }

  /** The backend has agreed: from here on bytes pass, those first that the client sent before. @param edits of its answer. */
  begin(head: ResponseHead, edits: FieldChanges): void {
    const { body, client } = this.#owner;
    const upstream = this.#upstream;
    this.#handshake.answer(head.fields, edits);
    client.response.switched(head, edits);
    body.release();
    body.flow(intoTunnel(upstream), false);
    if (this.isRelayed) client.relay!(upstream.relayed!);
    else this.#owner.takesMore();
  }

  /** Whether it has been silent for too long. @param quiet in milliseconds. */
  isIdle(quiet: number): boolean {
    return !this.isRelayed && quiet > this.#owner.client.frontend.front.timeouts.upgradedIdle;
  }

  /** The backend has ended its side: nothing that the client still says would be answered. */
  end(): void {
    const { client } = this.#owner;
    if (this.isRelayed) return;
    client.response.end(undefined);
    this.#owner.tunnelEnded("backend_closed", false);
    client.over();
  }
}

const intoTunnel = (upstream: RequestUpstream): BodyReceiver => ({
  body(bytes, start, end, last) {
    const accepts = upstream.requestBody.body(bytes, start, end, false);
    if (last) upstream.endTunnel();
    return accepts;
  },
  end: () => upstream.endTunnel(),
});
