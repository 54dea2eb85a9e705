import { phraseOf } from "../../../../http/status.ts";
import type { SetField } from "../ask/set-field.ts";
import type { HeadMutation, OwnAnswer, PartAnswer, ProcessorAnswer } from "./answers.ts";
import type { ModeChange } from "./modes.ts";
import { type Along, type Direction, type FactValue, factsKey, type Part } from "./questions.ts";

/*
 * The messages of a processor that is asked over HTTP: those of gRPC as JSON (protobuf's ProtoJSON). They are about heads.
 */

/** As Envoy writes it: names as in the protocol, and values in base64. */
export function questionText(direction: Direction, part: Part, { facts, terms, looksOn }: Along): Buffer {
  const lines = part.kind === "body" ? [] : part.lines;
  const headers = lines.map(([key, value]) => ({
    key,
    raw_value: Buffer.from(value, "latin1").toString("base64"),
  }));
  const message = {
    [`${direction}_headers`]: {
      headers: { headers },
      ...(part.kind === "head" && part.isAll && { end_of_stream: true }),
    },
    ...(facts !== undefined && { attributes: { [factsKey]: plain(facts) } }),
    ...(looksOn && { observability_mode: true }),
    ...(terms !== undefined && { protocol_config: {} }),
  };
  return Buffer.from(JSON.stringify(message));
}

const plain = (facts: ReadonlyMap<string, FactValue>): object =>
  Object.fromEntries([...facts].map(([name, value]) => [name, value instanceof Map ? plain(value) : value]));

type Tree = Readonly<Record<string, unknown>>;

/** @throws where the bytes are no such message. */
export function readAnswerText(bytes: Buffer): ProcessorAnswer {
  const tree = JSON.parse(bytes.toString()) as unknown;
  if (!isTree(tree)) throw new Error("expected an object");
  const own = child(tree, "immediateResponse");
  const mode = child(tree, "modeOverride");
  const wants = field(tree, "overrideMessageTimeout");
  return {
    to: own === undefined ? headTo(tree) : { kind: "own", answer: ownAnswer(own) },
    mode: mode && modeChange(mode),
    wants: wants === undefined ? undefined : milliseconds(wants),
  };
}

function headTo(tree: Tree): ProcessorAnswer["to"] {
  for (const direction of ["request", "response"] as const) {
    const answer = child(tree, `${direction}Headers`);
    if (answer !== undefined)
      return { direction, kind: "head", answer: partAnswer(child(answer, "response") ?? {}) };
  }
  return undefined;
}

function partAnswer(common: Tree): PartAnswer {
  const status = field(common, "status");
  const mutation = child(common, "headerMutation");
  const body = child(common, "bodyMutation");
  const isCleared = body !== undefined && field(body, "clearBody") === true;
  return {
    mutation: mutation && headMutation(mutation),
    content: isCleared ? Buffer.alloc(0) : body && base64(body, "body"),
    streamed: undefined,
    isAll: status === 1 || status === "CONTINUE_AND_REPLACE",
    reroutes: field(common, "clearRouteCache") === true,
  };
}

function headMutation(tree: Tree): HeadMutation {
  return {
    set: list(tree, "setHeaders").map(setField),
    remove: list(tree, "removeHeaders").map((name) => textOf(name).toLowerCase()),
  };
}

function setField(option: unknown): SetField {
  if (!isTree(option)) throw new Error("expected an object in setHeaders");
  const header = child(option, "header") ?? {};
  const name = text(header, "key").toLowerCase();
  const [value, raw] = [Buffer.from(text(header, "value")), base64(header, "rawValue")];
  if (value.length > 0 && raw !== undefined && raw.length > 0)
    throw new Error(`field ${name} has both value and rawValue`);
  const bytes = raw === undefined || raw.length === 0 ? value : raw;
  return { name, value: bytes.toString("latin1"), appends: field(option, "append") === true };
}

function ownAnswer(tree: Tree): OwnAnswer {
  const status = field(child(tree, "status") ?? {}, "code");
  const grpcStatus = child(tree, "grpcStatus");
  const code = grpcStatus && (field(grpcStatus, "status") ?? 0);
  if (code !== undefined && typeof code !== "number") throw new Error("expected a number for grpcStatus");
  return {
    status: typeof status === "number" ? status : statusNamed(status),
    mutation: headMutation(child(tree, "headers") ?? {}),
    body: base64(tree, "body") ?? Buffer.alloc(0),
    grpcStatus: code,
    detail: text(tree, "details"),
  };
}

/** Names of statuses that are no phrases of umay's. */
const otherNames: Readonly<Record<string, number>> = {
  MultiStatus: 207,
  AlreadyReported: 208,
  IMUsed: 226,
  ProxyAuthenticationRequired: 407,
  PayloadTooLarge: 413,
  UnprocessableEntity: 422,
  Locked: 423,
  FailedDependency: 424,
  VariantAlsoNegotiates: 506,
  InsufficientStorage: 507,
  LoopDetected: 508,
  NotExtended: 510,
  NetworkAuthenticationRequired: 511,
};

/** By name: the phrase in one word, as in `envoy.type.v3.StatusCode`. */
const statuses: ReadonlyMap<string, number> = new Map([
  ...Array.from({ length: 400 }, (_, index) => 200 + index)
    .filter((status) => phraseOf(status) !== "")
    .map((status) => [phraseOf(status).replaceAll(/[^A-Za-z]/g, ""), status] as const),
  ...Object.entries(otherNames),
]);

/** @param name undefined: there is none. */
function statusNamed(name: unknown): number {
  const status = statuses.get(name === undefined ? "OK" : textOf(name));
  if (status === undefined) throw new Error(`there is no status ${JSON.stringify(name)}`);
  return status;
}

const sends: Readonly<Record<string, boolean>> = { SEND: true, "1": true, SKIP: false, "2": false };

/** Only heads are sent: of an answer, that may change. */
const modeChange = (tree: Tree): ModeChange => ({
  request: { body: "none", trailers: false },
  response: { head: sends[String(field(tree, "responseHeaderMode"))], body: "none", trailers: false },
});

/** `0.25s`. */
function milliseconds(value: unknown): number {
  const [, seconds] = /^(\d{1,9}(?:\.\d{1,9})?)s$/.exec(String(value)) ?? [];
  if (seconds === undefined) throw new Error("expected a duration such as 0.25s");
  return Number(seconds) * 1_000;
}

const isTree = (value: unknown): value is Tree =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** By its name in JSON, or in the protocol: `removeHeaders`, `remove_headers`. null is none. */
const field = (tree: Tree, name: string): unknown =>
  tree[name] ?? tree[name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)] ?? undefined;

function child(tree: Tree, name: string): Tree | undefined {
  const value = field(tree, name);
  if (value !== undefined && !isTree(value)) throw new Error(`expected an object for ${name}`);
  return value;
}

function list(tree: Tree, name: string): readonly unknown[] {
  const value = field(tree, name) ?? [];
  if (!Array.isArray(value)) throw new Error(`expected a list for ${name}`);
  return value;
}

function textOf(value: unknown): string {
  if (typeof value !== "string") throw new Error("expected a text");
  return value;
}

const text = (tree: Tree, name: string): string => textOf(field(tree, name) ?? "");

/** In base64 of either alphabet. */
function base64(tree: Tree, name: string): Buffer | undefined {
  const value = field(tree, name);
  if (value === undefined) return undefined;
  if (!/^[A-Za-z0-9+/_-]*={0,2}$/.test(textOf(value))) throw new Error(`expected base64 for ${name}`);
  return Buffer.from(textOf(value), "base64");
}
