import type { FieldMarker } from "../../../../http/hop-by-hop.ts";
import { NameSet } from "../../../../http/name-set.ts";
import type { ForwardAuth } from "../../../../model/http/guard.ts";
import { ReservedNames } from "../../../decide/http/reserved.ts";
import { unavailable, type Verdict, type Waiter, type Waiting } from "../../../guard/step.ts";
import type { HttpPlane } from "../plane.ts";
import type { RequestView } from "../view.ts";
import { AuthQuestion } from "./auth-question.ts";

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
    return new AuthQuestion(this, view, pool, waiter).ask();
  }

  failed(detail: string): Verdict {
    if (this.auth.onFailure === "pass") return { kind: "pass" };
    return { ...unavailable(detail), status: this.auth.failureStatus };
  }
}
