import {
  type Answer,
  answerWith,
  createAnswer,
  createGrpcAnswer,
  grpcAnswer,
  grpcStatusFor,
  retryAfterLine,
} from "../../../http/answer.ts";
import { fieldText } from "../../../http/edits.ts";
import { fieldIds } from "../../../http/field-names.ts";
import { isGrpcType } from "../../../http/grpc.ts";
import type { Fields, HeadEdits } from "../../../http/message.ts";
import type { RequestReason } from "../../../model/reasons.ts";
import type { Decision } from "../../decide/http/decide.ts";
import type { ResponseSink } from "./client.ts";
import type { HttpFrontend } from "./frontend.ts";

/** The request that an answer is for, as far as it was read. */
export interface AnsweredRequest {
  /** Empty where it was not read. */
  readonly method: string;
  /** Undefined where they were not read. */
  readonly fields: Fields | undefined;
  /** Empty where it has none. */
  readonly requestId: string;
}

/** Why umay answers itself. */
export interface Refusal {
  readonly status: number;
  readonly reason: RequestReason;
  readonly detail: string | undefined;
  /** When to ask again, in seconds; undefined: nobody knows. */
  readonly retryAfter: number | undefined;
}

/** The answer to a request that is not served: the listener's error page, or a line, or JSON, or what gRPC understands. */
export function refusalAnswer(frontend: HttpFrontend, request: AnsweredRequest, refusal: Refusal): Answer {
  const { method, requestId } = request;
  if (isGrpcType(textOf(request, fieldIds["content-type"]))) return createGrpcAnswer(refusal);
  const page = frontend.errorPage(refusal.status);
  if (page !== undefined) {
    const { type, bytes } = page.content;
    return contentAnswer(page.status ?? refusal.status, type, bytes, method, retryAfterLine(refusal));
  }
  const spec = { ...refusal, requestId: requestId === "" ? undefined : requestId };
  return createAnswer(spec, method, textOf(request, fieldIds.accept));
}

/** @param lines its fields. */
export const preflightAnswer = (lines: string): Answer => answerWith(204, lines, nothing, "OPTIONS");

/** The answer that a route has itself. @throws for a route that has none. */
export function routeAnswer(
  decision: Extract<Decision, { kind: "redirect" | "respond" }>,
  request: Pick<AnsweredRequest, "method" | "fields">,
): Answer {
  const { method } = request;
  const { action, name } = decision.rule.route.definition;
  if (decision.kind === "redirect") {
    const status = action.kind === "redirect" ? action.redirect.status : 308;
    return answerWith(status, `location: ${fieldText(decision.location)}\r\n`, nothing, method);
  }
  if (action.kind !== "respond") throw new Error(`route ${name} has no answer of its own`);
  const { status, content } = action;
  if (isGrpcType(textOf(request, fieldIds["content-type"])))
    return grpcAnswer(grpcStatusFor(status, ""), content === undefined ? "" : messageOf(content.bytes));
  if (content === undefined) return answerWith(status, "", nothing, method);
  return contentAnswer(status, content.type, content.bytes, method);
}

/** A text as a message of gRPC: on one line, and percent-encoded where it is not printable ASCII. */
function messageOf(bytes: Uint8Array): string {
  const text = Buffer.from(bytes.subarray(0, longestMessage)).toString("latin1").trim();
  return text.replaceAll(
    /[^ -$&-~]/g,
    (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`,
  );
}

/** In bytes. */
const longestMessage = 1_024;
const roomForHead = 1_024;

export function writeAnswer({ head, body }: Answer, response: ResponseSink, edits: HeadEdits): void {
  response.response(head, true, edits);
  if (body.length === 0) response.end(undefined);
  else {
    // A copy, with room for the head in front of it: the same body answers others.
    const bytes = Buffer.allocUnsafe(roomForHead + body.length);
    body.copy(bytes, roomForHead);
    response.body(bytes, roomForHead, bytes.length, true);
  }
}
/** The answer to a certificate authority (RFC 8555 section 8.3). */
export const textAnswer = (text: string, method: string): Answer =>
  contentAnswer(200, "application/octet-stream", Buffer.from(text), method);

const nothing = Buffer.alloc(0);

const contentAnswer = (status: number, type: string, bytes: Uint8Array, method: string, lines = ""): Answer =>
  answerWith(status, `content-type: ${fieldText(type)}\r\n${lines}`, Buffer.from(bytes), method);

function textOf({ fields }: Pick<AnsweredRequest, "fields">, id: number): string {
  const index = fields?.find(id) ?? -1;
  return index < 0 ? "" : fields!.value(index);
}
