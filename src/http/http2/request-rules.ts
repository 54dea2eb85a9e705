import { targetBytes, tokenBytes } from "../bytes.ts";
import { type Detail, type Fault, requestFaults } from "../fault.ts";
import { fieldIds } from "../field-names.ts";
import { type RequestHead, unknownLength } from "../message.ts";
import { hostOf, isSameAuthority } from "../uri/authority.ts";
import { readTarget, target } from "../uri/target.ts";
import { FieldList } from "./field-list.ts";
import { hasConnectionField, lengthOf } from "./field-rules.ts";
import { type HeaderBlock, several } from "./header-block.ts";
import { Field, pseudo } from "./hpack/field.ts";

/** The terms of the connection for its requests. */
export interface RequestTerms {
  /** Of the client's connection. */
  readonly scheme: "http" | "https";
  /** Whether it may ask for a tunnel (RFC 8441). */
  readonly tunnels: boolean;
  /** Of path and query, in bytes. */
  readonly target: number;
}

/** A request that breaks the rules of RFC 9113 section 8 gets no answer but PROTOCOL_ERROR. */
export const malformed = "malformed";

/**
 * Reads the head of a request (RFC 9113 section 8.3.1).
 * @param last there is no body.
 * @returns a fault: the request is sound as HTTP/2, and is to be answered with that.
 */
export function readRequest(
  block: HeaderBlock,
  last: boolean,
  terms: RequestTerms,
): RequestHead | Fault | typeof malformed {
  if (block.tooLarge) return requestFaults.head_too_large;
  if (block.malformed || hasConnectionField(block)) return malformed;
  const length = lengthOf(block, last);
  if (length === undefined) return malformed;
  const { [pseudo.method]: method, [pseudo.protocol]: protocol } = block.pseudo;
  if (method === undefined || !isToken(method) || block.pseudo[pseudo.status] !== undefined) return malformed;
  if (protocol !== undefined && (method !== "CONNECT" || !terms.tunnels)) return malformed;
  if (method === "CONNECT" && protocol === undefined) return readConnect(block);
  if (protocol !== undefined && protocol !== "websocket") return requestFaults.method_refused;
  const detail = checkTarget(block, method, terms);
  if (detail !== undefined) return detail === malformed ? malformed : requestFaults[detail];
  return headOf(block, length, terms.scheme);
}

/** Without a protocol it asks for a TCP connection, and has neither scheme nor path (RFC 9113 section 8.5). */
function readConnect({ pseudo: found }: HeaderBlock): Fault | typeof malformed {
  const isSound =
    found[pseudo.authority] !== undefined &&
    found[pseudo.scheme] === undefined &&
    found[pseudo.path] === undefined;
  return isSound ? requestFaults.method_refused : malformed;
}

/** Leaves the path in `target`. @returns what is wrong. */
function checkTarget(
  block: HeaderBlock,
  method: string,
  terms: RequestTerms,
): Detail | typeof malformed | undefined {
  const { [pseudo.scheme]: scheme, [pseudo.path]: path = "" } = block.pseudo;
  if (scheme !== "http" && scheme !== "https") return malformed;
  if (path === "" || (path[0] !== "/" && !(path === "*" && method === "OPTIONS"))) return malformed;
  if (!isMadeOf(path, targetBytes)) return malformed;
  if (path.length > terms.target) return "target_too_long";
  if (block.underscored) return "underscore_name";
  const host = block.only(fieldIds.host);
  const authority = block.pseudo[pseudo.authority];
  if (host === several) return "host_twice";
  if (authority === undefined && host === undefined) return "host_missing";
  if (hostOf(authority ?? host!) === undefined) return "bad_host";
  if (host !== undefined && authority !== undefined && !isSameAuthority(authority, host, terms.scheme))
    return "host_differs";
  const expect = block.only(fieldIds.expect);
  if (expect !== undefined && expect.toLowerCase() !== "100-continue") return "expectation";
  return readTarget(path, method);
}

function headOf(block: HeaderBlock, length: number, scheme: "http" | "https"): RequestHead {
  const authority = block.pseudo[pseudo.authority] ?? block.only(fieldIds.host)!;
  const isTunnel = block.pseudo[pseudo.protocol] !== undefined;
  return {
    method: isTunnel ? "GET" : block.pseudo[pseudo.method]!,
    scheme,
    authority,
    host: hostOf(authority)!,
    path: target.path,
    query: target.query,
    secondPath: target.secondPath,
    fields: new FieldList(joinCookies(block)),
    length: isTunnel ? unknownLength : length,
    upgrade: isTunnel ? "websocket" : "",
    expectsContinue: block.only(fieldIds.expect) !== undefined,
    takesTrailers: block.only(fieldIds.te) !== undefined,
  };
}

/** In HTTP/1 there is one Cookie field (RFC 9113 section 8.2.3). */
function joinCookies(block: HeaderBlock): readonly Field[] {
  const { fields } = block;
  if (block.count(fieldIds.cookie) < 2) return fields;
  const cookies = fields.filter(({ id }) => id === fieldIds.cookie);
  const joined = new Field("cookie", cookies.map(({ value }) => value).join("; "), "secret");
  return [...fields.filter(({ id }) => id !== fieldIds.cookie), joined];
}

function isToken(text: string): boolean {
  return text !== "" && isMadeOf(text, tokenBytes);
}

function isMadeOf(text: string, table: Uint8Array): boolean {
  for (let at = 0; at < text.length; at++) if (table[text.charCodeAt(at)] !== 1) return false;
  return true;
}
