import { answerWith } from "../../../../http/answer.ts";
import { fieldText, isEditable } from "../../../../http/edits.ts";
import type { Fields } from "../../../../http/message.ts";
import { framed, onlyMessage } from "../../../../lib/grpc-message.ts";
import { eachField, int32In } from "../../../../lib/wire.ts";
import { block, bytes, entry, number, text, type Writer, written } from "../../../../lib/wire-write.ts";
import { type AnswerField, unavailable, type Verdict } from "../../../guard/step.ts";
import { encodedCertificate } from "../client.ts";
import type { RequestView } from "../view.ts";
import type { HeldBody } from "./body-first.ts";
import type { ForwardJudge } from "./forward-auth.ts";
import { readSetField, type SetField, type SetOption } from "./set-field.ts";

/*
 * The call by which a server is asked whether a request may go on: `envoy.service.auth.v3.Authorization/Check`, as Envoy makes
 * it. Numbers are those of its messages.
 */

export const checkPath = "/envoy.service.auth.v3.Authorization/Check";

/** A request, and all that a server is to learn of it. */
export interface CheckedRequest {
  readonly view: RequestView;
  readonly fields: Fields;
  /** Not 0 for a field that the server does not get. */
  readonly dropped: Uint8Array;
  readonly judge: Pick<ForwardJudge, "auth" | "sees">;
  readonly held: HeldBody | undefined;
}

/** A `CheckRequest` about a request, as the one message of a call. */
export const checkMessage = (checked: CheckedRequest): Buffer =>
  framed(written((writer) => block(writer, 1, () => writeAttributes(writer, checked))));

/** An `AttributeContext`. */
function writeAttributes(writer: Writer, checked: CheckedRequest): void {
  const { view, judge } = checked;
  const { clientPort = 0, raw, serverName } = view.connection;
  const { tells } = judge.auth;
  block(writer, 1, () => {
    peer(writer, view.client, Number(clientPort), view.variable("tls.client.spiffe"));
    if (tells?.certificate) text(writer, 5, encodedCertificate(view.connection));
  });
  block(writer, 2, () => peer(writer, raw.localAddress ?? "", raw.localPort ?? 0, ""));
  block(writer, 4, () => {
    block(writer, 1, () => number(writer, 1, Math.floor(Date.now() / 1_000)));
    block(writer, 2, () => writeRequest(writer, checked));
  });
  for (const [name, value] of Object.entries(tells?.context ?? {})) entry(writer, 10, name, value);
  if (tells?.serverName && serverName !== "") block(writer, 12, () => text(writer, 1, serverName));
}

/** An `AttributeContext.HttpRequest`. */
function writeRequest(writer: Writer, checked: CheckedRequest): void {
  const { view, judge, held } = checked;
  text(writer, 1, view.requestId);
  text(writer, 2, view.method);
  for (const [name, value] of headersOf(checked)) entry(writer, 3, name, value);
  text(writer, 4, view.path + view.query);
  text(writer, 5, view.authority);
  text(writer, 6, view.scheme);
  text(writer, 10, view.protocol);
  if (held === undefined) return;
  number(writer, 9, view.exchange?.body.received ?? held.bytes.length);
  if (judge.auth.body?.asBytes) bytes(writer, 12, held.bytes);
  else text(writer, 11, held.bytes.toString());
}

/** Says whether the server gets a part of the body only; empty: it gets none. */
export const partLine = (held: HeldBody | undefined): string =>
  held === undefined ? "" : `${partName}: ${held.isPart}\r\n`;

const partName = "x-envoy-auth-partial-body";

/** An `AttributeContext.Peer`. */
function peer(writer: Writer, address: string, port: number, principal: string): void {
  block(writer, 1, () =>
    block(writer, 1, () => {
      text(writer, 2, address);
      number(writer, 3, port);
    }),
  );
  text(writer, 4, principal);
}

/** The fields of a request by their names, those of one name joined; the pseudo-header fields of HTTP/2 too. */
function headersOf({ view, fields, dropped, judge, held }: CheckedRequest): ReadonlyMap<string, string> {
  const pseudo: readonly (readonly [string, string])[] = [
    [":method", view.method],
    [":path", view.path + view.query],
    [":authority", view.authority],
    [":scheme", view.scheme],
  ];
  const headers = new Map(pseudo.filter(([name]) => judge.sees?.(name) !== false));
  for (let index = 0; index < fields.count; index++) {
    if (dropped[index] !== 0) continue;
    const name = fields.name(index).toLowerCase();
    const before = headers.get(name);
    headers.set(name, before === undefined ? fields.value(index) : `${before},${fields.value(index)}`);
  }
  if (held !== undefined) headers.set(partName, String(held.isPart));
  return headers;
}

/** The verdict of an answer's message. @param isStrict a change that can't be made makes it no answer. */
export function readCheck(body: Buffer, view: RequestView, isStrict: boolean): Verdict {
  const message = onlyMessage(body);
  if (message === undefined) return unavailable("its answer is no message of gRPC");
  let code = 0;
  let denied: Verdict | undefined;
  let ok: Verdict = { kind: "pass" };
  try {
    eachField(message, (number, reader) => {
      if (number === 1) code = int32In(reader.bytes());
      // An error of the server's own has an answer of the same form.
      else if (number === 2 || number === 5) denied = deniedBy(reader.bytes(), view.method, isStrict);
      else if (number === 3) ok = okBy(reader.bytes(), view, isStrict);
      else return false;
      return true;
    });
  } catch (error) {
    return unavailable(`its answer can't be read: ${(error as Error).message}`);
  }
  if (code === 0) return ok;
  return (
    denied ?? { kind: "refuse", reason: "auth_denied", detail: `it answers with status ${code} of gRPC` }
  );
}

/** A `DeniedHttpResponse`. */
function deniedBy(bytes: Uint8Array, method: string, isStrict: boolean): Verdict {
  let status = 403;
  let body = "";
  const changes: SetField[] = [];
  eachField(bytes, (number, reader) => {
    if (number === 1) status = int32In(reader.bytes()) || 403;
    else if (number === 2) changes.push(...changeIn(reader.bytes(), isStrict));
    else if (number === 3) body = reader.string();
    else return false;
    return true;
  });
  const sane = status >= 200 && status <= 599 ? status : 403;
  const answer = answerWith(sane, linesOf(changes), Buffer.from(body), method);
  return { kind: "refuse", reason: "auth_denied", detail: `it answers with status ${sane}`, answer };
}

/**
 * An `OkHttpResponse`. As in Envoy, the last value that is set counts, a value is appended only to a field that is there or is set,
 * and what is removed stays away, even where it is set.
 */
function okBy(bytes: Uint8Array, view: RequestView, isStrict: boolean): Verdict {
  const changes: SetField[] = [];
  const forClient: SetOption[] = [];
  const removed: string[] = [];
  eachField(bytes, (number, reader) => {
    if (number === 2) changes.push(...changeIn(reader.bytes(), isStrict));
    else if (number === 5) removed.push(reader.string().toLowerCase());
    else if (number === 6) forClient.push(...changeIn(reader.bytes(), isStrict));
    else return false;
    return true;
  });
  const kept = changes.filter(({ name }) => !removed.includes(name));
  const set = new Map(kept.filter(({ appends }) => !appends).map((field) => [field.name, field]));
  const appended = kept.filter(
    ({ name, appends }) => appends && (set.has(name) || view.header(name) !== undefined),
  );
  return {
    kind: "pass",
    requestLines: linesOf([...set.values(), ...appended]),
    responseLines: linesOf(forClient.filter(({ answer }) => answer === "added")),
    answerFields: answerFieldsOf(forClient),
    replaces: [...set.keys(), ...removed],
  };
}

/** Those of which it depends on the answer what becomes of them; of one name, the last of each kind counts. */
function answerFieldsOf(options: readonly SetOption[]): readonly AnswerField[] {
  const found = new Map<string, AnswerField>();
  for (const option of options) {
    const { name, answer: when } = option;
    if (when !== "added") found.set(`${when} ${name}`, { name, line: linesOf([option]), when });
  }
  return [...found.values()];
}

/** None where its name can't be changed. @throws where it can't be made to the letter, and `isStrict`. */
function changeIn(bytes: Uint8Array, isStrict: boolean): readonly SetOption[] {
  const field = readSetField(bytes);
  const isSound = isEditable(field.name) && fieldText(field.value) === field.value;
  if (isStrict && !isSound) throw new Error(`field ${field.name} may not be set so`);
  return isEditable(field.name) ? [field] : [];
}

const linesOf = (changes: readonly SetField[]): string =>
  changes.map(({ name, value }) => `${name}: ${fieldText(value)}\r\n`).join("");
