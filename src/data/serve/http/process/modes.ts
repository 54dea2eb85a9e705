import type { BodyMode, ProcessingMode, Processor, SideMode } from "../../../../model/http/processing.ts";

/** Modes of a request; undefined: they stay. */
export interface ModeChange {
  readonly response: {
    readonly head: boolean | undefined;
    readonly body: BodyMode;
    readonly trailers: boolean | undefined;
  };
  readonly request: { readonly body: BodyMode; readonly trailers: boolean | undefined };
}

/** Which parts of a request and of its answer a processor gets, as it may choose with its answer to a head. */
export class Modes {
  readonly #definition: Processor;
  readonly #isTunnel: boolean;
  /** At present. */
  current: ProcessingMode;

  constructor(definition: Processor, isTunnel: boolean) {
    this.#definition = definition;
    this.#isTunnel = isTunnel;
    this.current = this.#of(definition.mode);
  }

  /** Bytes of a tunnel are no body. */
  #of({ request, response }: ProcessingMode): ProcessingMode {
    return this.#isTunnel
      ? { request: headAlone(request), response: headAlone(response) }
      : { request, response };
  }

  /** Not where parts of a body went to the processor before. @returns whether there is another mode from now on. */
  choose(change: ModeChange): boolean {
    const { mode: usual, modes, sendsEarly } = this.#definition;
    const { request, response } = this.current;
    if (sendsEarly || request.body === "duplex" || response.body === "duplex") return false;
    const mode = changedMode(usual, change);
    if (modes !== "any" && !modes.some((allowed) => isSame(allowed, mode))) return false;
    this.current = this.#of(mode);
    return true;
  }
}

/** The modes of a request behind a change. */
const changedMode = ({ request, response }: ProcessingMode, change: ModeChange): ProcessingMode => ({
  request: side(request, { ...change.request, head: undefined }),
  response: side(response, change.response),
});

const side = (before: SideMode, { head, body, trailers }: ModeChange["response"]): SideMode => ({
  head: head ?? before.head,
  body,
  trailers: trailers ?? before.trailers,
});

const headAlone = ({ head }: SideMode): SideMode => ({ head, body: "none", trailers: false });

/** Whether a processor that may choose one may choose the other: the request's head is behind it. */
const isSame = (one: ProcessingMode, other: ProcessingMode): boolean =>
  one.request.body === other.request.body &&
  one.request.trailers === other.request.trailers &&
  one.response.head === other.response.head &&
  one.response.body === other.response.body &&
  one.response.trailers === other.response.trailers;
