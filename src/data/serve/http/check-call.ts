import { answerWith } from "../../../http/answer.ts";
import { fieldText, isEditable } from "../../../http/edits.ts";
import type { Fields } from "../../../http/message.ts";
import { framed, onlyMessage } from "../../../lib/grpc-message.ts";
import { eachField, type Wire, wire } from "../../../lib/wire.ts";
import { unavailable, type Verdict } from "../../guard/step.ts";
import type { RequestView } from "./view.ts";

/*
 * The call by which a server is asked whether a request may go on: `envoy.service.auth.v3.Authorization/Check`, as Envoy makes
 * it. Numbers are those of its messages.
 */

export const checkPath = "/envoy.service.auth.v3.Authorization/Check";

type Writer = InstanceType<Wire["BinaryWriter"]>;

/** A `CheckRequest` about a request, as the one message of a call. @param fields of the request, without those that nobody gets. */
export function checkMessage(view: RequestView, fields: Fields, dropped: Uint8Array): Buffer {
  const { BinaryWriter, WireType } = wire();
  const writer: Writer = new BinaryWriter();
  const block = (number: number, write: () => void): void => {
    writer.tag(number, WireType.LengthDelimited).fork();
    write();
    writer.join();
  };
  const text = (number: number, value: string): void => {
    if (value !== "") writer.tag(number, WireType.LengthDelimited).string(value);
  };
  const { connection } = view;
  const peer = (address: string, port: number, principal: string): void => {
    block(1, () =>
      block(1, () => {
        text(2, address);
        if (port > 0) writer.tag(3, WireType.Varint).uint32(port);
      }),
    );
    text(4, principal);
  };
  const { clientPort = 0, raw } = connection;
  block(1, () => {
    block(1, () => peer(view.client, Number(clientPort), view.variable("tls.client.spiffe")));
    block(2, () => peer(raw.localAddress ?? "", raw.localPort ?? 0, ""));
    block(4, () => {
      block(1, () => writer.tag(1, WireType.Varint).int64(Math.floor(Date.now() / 1_000)));
      block(2, () => {
        text(1, view.requestId);
        text(2, view.method);
        for (const [name, value] of headersOf(view, fields, dropped))
          block(3, () => {
            text(1, name);
            text(2, value);
          });
        text(4, view.path + view.query);
        text(5, view.authority);
        text(6, view.scheme);
        text(10, view.protocol);
      });
    });
  });
  return framed(writer.finish());
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

/** A header that an answer sets, or takes away. */
interface Change {
  readonly name: string;
  readonly value: string;
  readonly appends: boolean;
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
      if (number === 1) code = statusOf(reader.bytes());
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

/** The code of a `google.rpc.Status`. */
function statusOf(bytes: Uint8Array): number {
  let code = 0;
  eachField(bytes, (number, reader) => {
    if (number !== 1) return false;
    code = reader.int32();
    return true;
  });
  return code;
}

/** A `DeniedHttpResponse`. */
function deniedBy(bytes: Uint8Array, method: string): Verdict {
  let status = 403;
  let body = "";
  const changes: Change[] = [];
  eachField(bytes, (number, reader) => {
    if (number === 1) status = statusOf(reader.bytes()) || 403;
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
  const changes: Change[] = [];
  const forClient: Change[] = [];
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

/** A `HeaderValueOption`; none where its name can't be changed. */
function changeIn(bytes: Uint8Array): readonly Change[] {
  let name = "";
  let value = "";
  let appends = false;
  eachField(bytes, (number, reader) => {
    if (number === 1)
      eachField(reader.bytes(), (part, inner) => {
        if (part === 1) name = inner.string().toLowerCase();
        else if (part === 2) value = inner.string();
        else if (part === 3) value = Buffer.from(inner.bytes()).toString("latin1");
        else return false;
        return true;
      });
    // A BoolValue.
    else if (number === 2) appends = statusOf(reader.bytes()) !== 0;
    else return false;
    return true;
  });
  return isEditable(name) ? [{ name, value, appends }] : [];
}

const linesOf = (changes: readonly Change[]): string =>
  changes.map(({ name, value }) => `${name}: ${fieldText(value)}\r\n`).join("");
