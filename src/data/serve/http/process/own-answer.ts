import { type Answer, answerWith, createGrpcAnswer } from "../../../../http/answer.ts";
import { fieldText } from "../../../../http/edits.ts";
import { isGrpc } from "../../../../http/grpc.ts";
import { readFields } from "../../../../http/scan.ts";
import type { RequestView } from "../view.ts";
import type { OwnAnswer } from "./answers.ts";
import type { HeadChanger } from "./changes.ts";

const limits = { fields: 256, size: 65_536 };

/** The answer that a processor gives in place of all others. @returns a text: what is wrong with it. */
export function ownAnswerOf(
  { status, mutation, body, grpcStatus, detail }: OwnAnswer,
  changer: HeadChanger,
  view: RequestView,
): Answer | string {
  const sane = status >= 200 && status <= 599 ? status : 200;
  if (isGrpc(view.fields)) {
    const reason = body.length > 0 ? Buffer.from(body).toString("latin1") : detail;
    return createGrpcAnswer({ status: sane, reason: fieldText(reason), grpcStatus });
  }
  const usual = readFields(body.length > 0 ? "content-type: text/plain\r\n" : "");
  const changed = changer.change(usual, mutation, limits);
  if (typeof changed === "string") return changed;
  return answerWith(
    sane,
    changed.fields.linesExcept(new Uint8Array(changed.fields.count)),
    Buffer.from(body),
    view.method,
  );
}
