import type { BodyReceiver, HeadEdits, RequestHead, ResponseReceiver } from "../../http/message.ts";
import type { PlacedBackend } from "../../model/backend.ts";
import type { Upstream } from "./upstream.ts";

/** The sender of a request to a backend. */
export interface UpstreamUser extends ResponseReceiver {
  /** The backend takes more of the request. */
  drained(): void;
  /** The connection was reset: nothing more comes of the response. */
  broke(): void;
  /** The backend has not looked at the request: it may be sent again, whatever it asks for. */
  refused(): void;
}

/** The way of one request to a backend, whichever version of HTTP that speaks. */
export interface RequestUpstream {
  readonly backend: PlacedBackend;
  /** Whether the connection speaks TLS. */
  readonly secure: boolean;
  /** Whether the connection was there before the request. */
  readonly isReused: boolean;
  /** Whether the backend can say that it has not looked at the request. */
  readonly mayRefuse: boolean;
  /** Whether a byte of the response came. */
  readonly heard: boolean;
  /** Its sockets, which a tunnel may take over; undefined: they serve other requests too. */
  readonly relayed: Upstream | undefined;
  /** Whether it takes requests for tunnels; over HTTP/2 a backend has to say so (RFC 8441 section 3). */
  readonly takesTunnels: boolean;
  /** Sends the head. @param follows the body, or its end, comes next, before control goes back to the event loop. */
  request(user: UpstreamUser, head: RequestHead, follows: boolean, edits: HeadEdits): void;
  /** Takes the request's body, and its end, behind the head. */
  readonly requestBody: BodyReceiver;
  /** The client's side of a tunnel has ended: so does what the backend gets. */
  endTunnel(): void;
  /** The user takes more of the response. */
  resume(): void;
  /** Nobody wants more of it: what still comes is not heard. */
  abandon(): void;
}
