import type { FieldMarker } from "../../../../http/hop-by-hop.ts";
import type { Fields } from "../../../../http/message.ts";
import { NameSet } from "../../../../http/name-set.ts";
import type { ForwardAuth } from "../../../../model/http/guard.ts";
import { ReservedNames } from "../../../decide/http/reserved.ts";
import { pass, unavailable, type Verdict, type Waiter, type Waiting } from "../../../guard/step.ts";
import type { HttpPlane } from "../plane.ts";
import type { RequestView } from "../view.ts";
import { AuthQuestion } from "./auth-question.ts";
import { BodyFirst, type HeldBody } from "./body-first.ts";
import { anyOf, type NameTest, seeing } from "./name-tests.ts";

/** Questions of a worker that wait for an answer. */
const mostUnderWay = 1_000;

/** About another answer than the server gives, or umay's to say: servers believe it. */
const unasked = [
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
];

/** About a body: the server does not get it, or gets another length of it. */
const ofBody = { without: "content-*", with: "content-length" };

/** Which fields of a good answer go on. */
export interface PassedNames {
  readonly replaced: NameTest;
  readonly appended: NameTest;
  readonly client: NameTest;
}

/** Told to backends of requests about which nobody could be asked. */
const unaskedMark = "x-envoy-auth-failure-mode-allowed";

/**
 * Judges requests by asking a server about each (as nginx's `auth_request` and others do): a GET with the fields of the
 * request, and with what is asked for in X-Forwarded-Method, -Proto, -Host and -Uri. 2xx lets in.
 */
export class ForwardJudge {
  readonly auth: ForwardAuth;
  readonly plane: HttpPlane;
  /** Fields of a client that the server does not get. */
  readonly markers: readonly FieldMarker[];
  /** Whether the server gets a field at all, also a pseudo-header field. */
  readonly sees: NameTest | undefined;
  /** Undefined: none but those that are named as a whole. */
  readonly passes: PassedNames | undefined;
  /** Fields of a refusal that the client does not get. */
  readonly refusalMarkers: readonly FieldMarker[];
  underWay = 0;

  constructor(auth: ForwardAuth, plane: HttpPlane) {
    this.auth = auth;
    this.plane = plane;
    const { sees, passes } = auth;
    // Of a call they are its own, and no fields of the request.
    const own = auth.asks === "grpc" ? [] : namesIn(auth.lines);
    const hidden = [...unasked, auth.body === undefined ? ofBody.without : ofBody.with, ...own];
    this.sees = sees && seeing(sees.only, sees.never);
    this.passes = passes && {
      replaced: anyOf(passes.replaced),
      appended: anyOf(passes.appended),
      client: anyOf(passes.client),
    };
    this.refusalMarkers = markerOf(passes?.refused && anyOf(passes.refused));
    this.markers = [new NameSet(hidden), new ReservedNames(auth.copy), ...markerOf(this.sees)];
  }

  judge(view: RequestView, waiter: Waiter): Verdict | Waiting {
    const { body, share } = this.auth;
    if (share !== undefined && Math.random() * 100 >= share.percent) return this.#unasked(share.others);
    const hasBody = view.head.length !== 0 && view.upgrade === "" && view.exchange !== undefined;
    if (body === undefined || !hasBody) return this.#ask(view, waiter);
    return BodyFirst.begin(view, body, waiter, (held, asking) => this.#ask(view, asking, held));
  }

  #unasked(fate: "refuse" | "pass"): Verdict {
    if (fate === "pass") return pass;
    const detail = "its server is not asked about this part of the requests";
    return { kind: "refuse", reason: "auth_denied", detail, status: this.auth.failureStatus };
  }

  #ask(view: RequestView, waiter: Waiter, held?: HeldBody): Verdict | Waiting {
    if (this.underWay >= mostUnderWay) return this.failed("too many requests wait for an answer");
    const pool = view.connection.listener.poolNamed(this.auth.pool);
    // While the request waited for another guard.
    if (pool === undefined) return this.failed("its pool has left the configuration");
    return new AuthQuestion(this, { view, pool, held }, waiter).ask();
  }

  failed(detail: string): Verdict {
    const { onFailure, marksFailure } = this.auth;
    if (onFailure === "pass")
      return marksFailure === true
        ? { kind: "pass", requestLines: `${unaskedMark}: true\r\n`, replaces: [unaskedMark] }
        : { kind: "pass" };
    return { ...unavailable(detail), status: this.auth.failureStatus };
  }
}

/** The names in lines of fields, in lower case. */
const namesIn = (lines = ""): readonly string[] =>
  lines.split("\r\n").flatMap((line) => (line === "" ? [] : line.slice(0, line.indexOf(":")).toLowerCase()));

/** Marks the fields that are not seen. */
const markerOf = (sees: NameTest | undefined): readonly FieldMarker[] =>
  sees === undefined ? [] : [new Unseen(sees)];

class Unseen implements FieldMarker {
  readonly #sees: NameTest;

  constructor(sees: NameTest) {
    this.#sees = sees;
  }

  mark(fields: Fields, marks: Uint8Array): void {
    for (let index = 0; index < fields.count; index++)
      if (!this.#sees(fields.name(index).toLowerCase())) marks[index] = 1;
  }
}
