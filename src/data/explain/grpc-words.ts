import { grpcStatusFor } from "../../http/answer.ts";
import { isGrpcType, readGrpcTimeout } from "../../http/grpc.ts";
import { formatDuration } from "../../lib/duration.ts";
import type { HttpExplanation } from "../../model/http/explanation.ts";
import type { DecidedRequest } from "../decide/http/decide.ts";

/** Whether a request is a call of gRPC. */
export const isCall = ({ method, header }: Pick<DecidedRequest, "method" | "header">): boolean =>
  method === "POST" && isGrpcType(header("content-type") ?? "");

/**
 * The outcome of a call in the words of gRPC.
 * @param limit of its route for the whole of a request, in milliseconds; undefined: none.
 * @param answer of umay's own; null: a backend answers.
 */
export function explainCall(
  { path, header }: Pick<DecidedRequest, "path" | "header">,
  limit: number | undefined,
  answer: HttpExplanation["answer"],
): NonNullable<HttpExplanation["call"]> {
  const asked = readGrpcTimeout(header("grpc-timeout") ?? "");
  return {
    method: path.slice(1),
    deadline: deadlineWords(asked, limit),
    status:
      answer === null || answer.location !== null ? null : grpcStatusFor(answer.status, answer.reason ?? ""),
  };
}

function deadlineWords(asked: number | undefined, limit: number | undefined): string | null {
  if (limit !== undefined && (asked === undefined || limit < asked))
    return `${formatDuration(limit)}, as the route has it, which the backend is told`;
  return asked === undefined ? null : `${formatDuration(asked)}, as its caller says`;
}
