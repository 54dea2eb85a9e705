import { answerWith } from "../../../../http/answer.ts";
import { fieldText, isEditable } from "../../../../http/edits.ts";
import type { Fields } from "../../../../http/message.ts";
import { framed, onlyMessage } from "../../../../lib/grpc-message.ts";
import { eachField, int32In } from "../../../../lib/wire.ts";
import { block, entry, number, text, type Writer, written } from "../../../../lib/wire-write.ts";
import { unavailable, type Verdict } from "../../../guard/step.ts";
import type { RequestView } from "../view.ts";
import { readSetField, type SetField } from "./set-field.ts";

/*
 * The call by which a server is asked whether a request may go on: `envoy.service.auth.v3.Authorization/Check`, as Envoy makes
 * it. Numbers are those of its messages.
 */

export const checkPath = "/envoy.service.auth.v3.Authorization/Check";

/** A `CheckRequest` about a request, as the one message of a call. @param fields of the request, without those that nobody gets. */
export const checkMessage = (view: RequestView, fields: Fields, dropped: Uint8Array): Buffer =>
  framed(
    written((writer) =>
      block(writer, 1, () => {
        const { clientPort = 0, raw } = view.connection;
        block(writer, 1, () =>
          peer(writer, view.client, Number(clientPort), view.variable("tls.client.spiffe")),
        );
        block(writer, 2, () => peer(writer, raw.localAddress ?? "", raw.localPort ?? 0, ""));
        block(writer, 4, () => {
          block(writer, 1, () => number(writer, 1, Math.floor(Date.now() / 1_000)));
          block(writer, 2, () => {
            text(writer, 1, view.requestId);
            text(writer, 2, view.method);
            for (const [name, value] of headersOf(view, fields, dropped)) entry(writer, 3, name, value);
            text(writer, 4, view.path + view.query);
            text(writer, 5, view.authority);
            text(writer, 6, view.scheme);
            text(writer, 10, view.protocol);
          });
        });
      }),
    ),
  );

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
function headersOf(view: RequestView, fields: Fields, dropped: Uint8Array): ReadonlyMap<string, string> {
  const headers = new Map([
    [":method", view.method],
    [":path", view.path + view.query],
    [":authority", view.authority],
    [":scheme", view.scheme],
  ]);
  for (let index = 0; index < fields.count; index++) {
    if (dropped[index] !== 0) continue;
    const name = fields.name(index).toLowerCase();
    const before = headers.get(name);
    headers.set(name, before === undefined ? fields.value(index) : `${before},${fields.value(index)}`);
  }
  return headers;
}

/** The verdict of an answer's message. */
export function readCheck(body: Buffer, view: RequestView): Verdict {
  const message = onlyMessage(body);
  if (message === undefined) return unavailable("its answer is no message of gRPC");
  let code = 0;
  let denied: Verdict | undefined;
  let ok: Verdict = { kind: "pass" };
  try {
    eachField(message, (number, reader) => {
      if (number === 1) code = int32In(reader.bytes());
      else if (number === 2) denied = deniedBy(reader.bytes(), view.method);
      else if (number === 3) ok = okBy(reader.bytes(), view);
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
function deniedBy(bytes: Uint8Array, method: string): Verdict {
  let status = 403;
  let body = "";
  const changes: SetField[] = [];
  eachField(bytes, (number, reader) => {
    if (number === 1) status = int32In(reader.bytes()) || 403;
    else if (number === 2) changes.push(...changeIn(reader.bytes()));
    else if (number === 3) body = reader.string();
    else return false;
    return true;
  });
  const sane = status >= 200 && status <= 599 ? status : 403;
  const answer = answerWith(sane, linesOf(changes), Buffer.from(body), method);
  return { kind: "refuse", reason: "auth_denied", detail: `it answers with status ${sane}`, answer };
}

/** An `OkHttpResponse`. As in Envoy, a value is appended only to a field that is there. */
function okBy(bytes: Uint8Array, view: RequestView): Verdict {
  const changes: SetField[] = [];
  const forClient: SetField[] = [];
  const removed: string[] = [];
  eachField(bytes, (number, reader) => {
    if (number === 2) changes.push(...changeIn(reader.bytes()));
    else if (number === 5) removed.push(reader.string().toLowerCase());
    else if (number === 6) forClient.push(...changeIn(reader.bytes()));
    else return false;
    return true;
  });
  return {
    kind: "pass",
    requestLines: linesOf(changes.filter(({ name, appends }) => !appends || view.header(name) !== undefined)),
    responseLines: linesOf(forClient),
    replaces: [...changes.filter(({ appends }) => !appends).map(({ name }) => name), ...removed],
  };
}

/** None where its name can't be changed. */
function changeIn(bytes: Uint8Array): readonly SetField[] {
  const field = readSetField(bytes);
  return isEditable(field.name) ? [field] : [];
}

const linesOf = (changes: readonly SetField[]): string =>
  changes.map(({ name, value }) => `${name}: ${fieldText(value)}\r\n`).join("");
