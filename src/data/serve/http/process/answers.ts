import { eachField, int32In } from "../../../../lib/wire.ts";
import { type BodyMode, bodyModes } from "../../../../model/http/processing.ts";
import { readSetField, type SetField } from "../ask/set-field.ts";
import type { ModeChange } from "./modes.ts";
import type { Direction, Part } from "./questions.ts";

/*
 * The messages that a processor sends: `envoy.service.ext_proc.v3.ProcessingResponse`. Numbers are those of its fields.
 */

/** Changes to a head, or to trailers: what is removed goes first. */
export interface HeadMutation {
  readonly set: readonly SetField[];
  readonly remove: readonly string[];
}

/** The fate of a head or of a body. */
export interface PartAnswer {
  readonly mutation: HeadMutation | undefined;
  /** In place of the part that was sent; undefined: it stays. */
  readonly content: Uint8Array | undefined;
  /** The content is a part of a body in the mode `duplex`; whether it is the last. */
  readonly streamed: { readonly last: boolean } | undefined;
  /** Nothing more of the message is to be sent to the processor. */
  readonly isAll: boolean;
  readonly reroutes: boolean;
}

/** An answer to the client, in place of everything else. */
export interface OwnAnswer {
  readonly status: number;
  readonly mutation: HeadMutation;
  readonly body: Uint8Array;
  /** Of gRPC; undefined: none. */
  readonly grpcStatus: number | undefined;
  readonly detail: string;
}

export interface ProcessorAnswer {
  readonly to:
    | { readonly direction: Direction; readonly kind: Part["kind"]; readonly answer: PartAnswer }
    | { readonly kind: "own"; readonly answer: OwnAnswer }
    | undefined;
  readonly mode: ModeChange | undefined;
  /** It wants so much time, in milliseconds, and says nothing else. */
  readonly wants: number | undefined;
}

const parts: Readonly<Record<number, readonly [Direction, Part["kind"]]>> = {
  1: ["request", "head"],
  2: ["response", "head"],
  3: ["request", "body"],
  4: ["response", "body"],
  5: ["request", "trailers"],
  6: ["response", "trailers"],
};

/** @throws where the bytes are no such message. */
export function readAnswer(bytes: Uint8Array): ProcessorAnswer {
  let to: ProcessorAnswer["to"];
  let mode: ModeChange | undefined;
  let wants: number | undefined;
  eachField(bytes, (number, reader) => {
    const part = parts[number];
    if (part !== undefined) {
      const [direction, kind] = part;
      const content = reader.bytes();
      to = { direction, kind, answer: kind === "trailers" ? trailersAnswer(content) : partAnswer(content) };
    } else if (number === 7) to = { kind: "own", answer: ownAnswer(reader.bytes()) };
    else if (number === 9) mode = modeChange(reader.bytes());
    else if (number === 10) wants = milliseconds(reader.bytes());
    else return false;
    return true;
  });
  return { to, mode, wants };
}

/** Of a `google.protobuf.Duration`. */
function milliseconds(bytes: Uint8Array): number {
  let time = 0;
  eachField(bytes, (number, reader) => {
    if (number === 1) time += Number(reader.int64()) * 1_000;
    else if (number === 2) time += reader.int32() / 1e6;
    else return false;
    return true;
  });
  return time;
}

const nothing: PartAnswer = {
  mutation: undefined,
  content: undefined,
  streamed: undefined,
  isAll: false,
  reroutes: false,
};

/** A `HeadersResponse` or a `BodyResponse`: both have a `CommonResponse` in field 1. */
function partAnswer(bytes: Uint8Array): PartAnswer {
  let answer = nothing;
  eachField(bytes, (number, reader) => {
    if (number !== 1) return false;
    answer = commonAnswer(reader.bytes());
    return true;
  });
  return answer;
}

function commonAnswer(bytes: Uint8Array): PartAnswer {
  const answer: { -readonly [Key in keyof PartAnswer]: PartAnswer[Key] } = { ...nothing };
  eachField(bytes, (number, reader) => {
    if (number === 1) answer.isAll = reader.int32() === 1;
    else if (number === 2) answer.mutation = headMutation(reader.bytes());
    else if (number === 3) Object.assign(answer, bodyMutation(reader.bytes()));
    else if (number === 5) answer.reroutes = reader.bool();
    else return false;
    return true;
  });
  return answer;
}

/** A `TrailersResponse`. */
function trailersAnswer(bytes: Uint8Array): PartAnswer {
  let mutation: HeadMutation | undefined;
  eachField(bytes, (number, reader) => {
    if (number !== 1) return false;
    mutation = headMutation(reader.bytes());
    return true;
  });
  return { ...nothing, mutation };
}

const empty = new Uint8Array(0);

function bodyMutation(bytes: Uint8Array): Pick<PartAnswer, "content" | "streamed"> {
  let content: Uint8Array | undefined;
  let streamed: PartAnswer["streamed"];
  eachField(bytes, (number, reader) => {
    if (number === 1) content = reader.bytes();
    else if (number === 2) content = reader.bool() ? empty : content;
    else if (number === 3) {
      let last = false;
      content = empty;
      eachField(reader.bytes(), (part, inner) => {
        if (part === 1) content = inner.bytes();
        else if (part === 2) last = inner.bool();
        else return false;
        return true;
      });
      streamed = { last };
    } else return false;
    return true;
  });
  return { content, streamed };
}

function headMutation(bytes: Uint8Array): HeadMutation {
  const set: SetField[] = [];
  const remove: string[] = [];
  eachField(bytes, (number, reader) => {
    if (number === 1) set.push(readSetField(reader.bytes()));
    else if (number === 2) remove.push(reader.string().toLowerCase());
    else return false;
    return true;
  });
  return { set, remove };
}

function ownAnswer(bytes: Uint8Array): OwnAnswer {
  const answer = {
    status: 0,
    mutation: { set: [], remove: [] } as HeadMutation,
    body: empty as Uint8Array,
    grpcStatus: undefined as number | undefined,
    detail: "",
  };
  eachField(bytes, (number, reader) => {
    if (number === 1) answer.status = int32In(reader.bytes());
    else if (number === 2) answer.mutation = headMutation(reader.bytes());
    else if (number === 3) answer.body = reader.bytes();
    else if (number === 4) answer.grpcStatus = int32In(reader.bytes());
    else if (number === 5) answer.detail = reader.string();
    else return false;
    return true;
  });
  return answer;
}

/** `HeaderSendMode`: 1 sends, 2 does not, 0 leaves it as it is. */
const sends = [undefined, true, false] as const;

/** A `ProcessingMode`. Bodies have no way to say that they stay as they are. */
function modeChange(bytes: Uint8Array): ModeChange {
  const numbers = new Array<number>(7).fill(0);
  eachField(bytes, (number, reader) => {
    if (number < 1 || number > 6) return false;
    numbers[number] = reader.int32();
    return true;
  });
  const body = (number: number): BodyMode => bodyModes[numbers[number]!] ?? "none";
  return {
    request: { body: body(3), trailers: sends[numbers[5]!] },
    response: { head: sends[numbers[2]!], body: body(4), trailers: sends[numbers[6]!] },
  };
}
