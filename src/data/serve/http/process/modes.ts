import type { BodyMode, ProcessingMode, SideMode } from "../../../../model/http/processing.ts";

/** Modes of a request; undefined: they stay. */
export interface ModeChange {
  readonly response: {
    readonly head: boolean | undefined;
    readonly body: BodyMode;
    readonly trailers: boolean | undefined;
  };
  readonly request: { readonly body: BodyMode; readonly trailers: boolean | undefined };
}

/** The modes of a request behind a change. */
export const changedMode = ({ request, response }: ProcessingMode, change: ModeChange): ProcessingMode => ({
  request: side(request, { ...change.request, head: undefined }),
  response: side(response, change.response),
});

const side = (before: SideMode, { head, body, trailers }: ModeChange["response"]): SideMode => ({
  head: head ?? before.head,
  body,
  trailers: trailers ?? before.trailers,
});

/** Bytes of a tunnel are no body. */
export const headAlone = ({ head }: SideMode): SideMode => ({ head, body: "none", trailers: false });

/** Whether a processor that may choose one may choose the other: the request's head is behind it. */
export const isSame = (one: ProcessingMode, other: ProcessingMode): boolean =>
  one.request.body === other.request.body &&
  one.request.trailers === other.request.trailers &&
  one.response.head === other.response.head &&
  one.response.body === other.response.body &&
  one.response.trailers === other.response.trailers;
