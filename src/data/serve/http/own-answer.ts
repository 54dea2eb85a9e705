import { type Answer, answerWith, createAnswer, createGrpcAnswer } from "../../../http/answer.ts";
import { fieldText } from "../../../http/edits.ts";
import { fieldIds } from "../../../http/field-names.ts";
import type { Fields } from "../../../http/message.ts";
import type { RouteAction } from "../../../model/http/route.ts";
import type { RequestReason } from "../../../model/reasons.ts";
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
}

/** The answer to a request that is not served: the listener's error page, or a line, or JSON, or what gRPC understands. */
export function refusalAnswer(frontend: HttpFrontend, request: AnsweredRequest, refusal: Refusal): Answer {
  const { method, requestId } = request;
  if (textOf(request, fieldIds["content-type"]).startsWith("application/grpc"))
    return createGrpcAnswer(refusal);
  const page = frontend.errorPage(refusal.status);
  if (page !== undefined) return contentAnswer(refusal.status, page.content.type, page.content.bytes, method);
  const spec = { ...refusal, requestId: requestId === "" ? undefined : requestId };
  return createAnswer(spec, method, textOf(request, fieldIds.accept));
}

export function redirectAnswer(status: number, location: string, method: string): Answer {
  return answerWith(status, `location: ${fieldText(location)}\r\n`, nothing, method);
}

export function respondAnswer(
  { status, content }: Extract<RouteAction, { kind: "respond" }>,
  method: string,
): Answer {
  if (content === undefined) return answerWith(status, "", nothing, method);
  return contentAnswer(status, content.type, content.bytes, method);
}

const nothing = Buffer.alloc(0);

const contentAnswer = (status: number, type: string, bytes: Uint8Array, method: string): Answer =>
  answerWith(status, `content-type: ${fieldText(type)}\r\n`, Buffer.from(bytes), method);

function textOf({ fields }: AnsweredRequest, id: number): string {
  const index = fields?.find(id) ?? -1;
  return index < 0 ? "" : fields!.value(index);
}
