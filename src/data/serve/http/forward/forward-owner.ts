import type { Fields, ResponseHead } from "../../../../http/message.ts";
import type { RequestReason } from "../../../../model/reasons.ts";
import type { CompiledRoute } from "../../../decide/http/compiled-route.ts";
import type { RequestView } from "../view.ts";
import type { TunnelOwner } from "./tunnel.ts";

/** The request that is forwarded, and whose it is. */
export interface ForwardOwner extends TunnelOwner {
  readonly view: RequestView | undefined;
  readonly route: CompiledRoute | undefined;
  /** The bytes that the client has sent. */
  readonly requestBody: { readonly received: number };
  /** By performance.now(). */
  readonly began: number;
  /** Bytes of the response's body: counted up as they come. */
  sent: number;
  /** A backend's answer has come, and goes to the client. */
  answered(head: ResponseHead): void;
  /** The client gets another head in place of the backend's. */
  changed(head: ResponseHead): void;
  /** Fields have come behind the answer's body. */
  trailed(trailers: Fields): void;
  /** The answer is complete. */
  served(): void;
  /** There is no answer, or not a whole one. */
  refuse(reason: RequestReason, detail?: string): void;
}
