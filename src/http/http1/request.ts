import { isWord } from "../bytes.ts";
import type { Detail } from "../fault.ts";
import { fieldIds } from "../field-names.ts";
import { connectionHas, frameRequest, framing, listHas } from "../framing.ts";
import { isSoundConnection } from "../hop-by-hop.ts";
import type { Fields, RequestHead } from "../message.ts";
import { scan } from "../scan.ts";
import { hostOf, isSameAuthority } from "../uri/authority.ts";
import { readTarget, target } from "../uri/target.ts";

const { "content-type": contentType, authorization, expect, host, te, upgrade } = fieldIds;

/** The request that a connection of HTTP/1 is at: one object for all of its requests, one after the other. */
export class Http1Request implements RequestHead {
  method = "";
  readonly scheme: "http" | "https";
  authority = "";
  host = "";
  path = "/";
  query = "";
  secondPath: string | undefined;
  fields: Fields = scan.fields;
  length = 0;
  upgrade: "" | "websocket" = "";
  expectsContinue = false;
  takesTrailers = false;
  /** The body comes in chunks. */
  chunked = false;
  /** HTTP/1.x. */
  minor = 1;
  /** The client's connection stays for another request. */
  persists = true;

  constructor(scheme: "http" | "https") {
    this.scheme = scheme;
  }

  /** Takes what was scanned. @returns what is wrong with it. */
  read(): Detail | undefined {
    const { fields, minor } = scan;
    this.fields = fields;
    this.minor = minor;
    this.method = fields.text.slice(0, scan.methodEnd);
    return this.#readFraming() ?? this.#readTarget() ?? this.#readFields();
  }

  /** Lets go of the texts: a slice of a head keeps all of the head in memory. */
  forget(): void {
    this.authority = this.host = this.path = this.query = this.method = "";
    this.secondPath = undefined;
  }

  #readFraming(): Detail | undefined {
    const detail = frameRequest(this.fields, this.minor);
    this.length = framing.length;
    this.chunked = framing.chunked;
    this.persists = framing.persists;
    return detail;
  }

  #readTarget(): Detail | undefined {
    const { method } = this;
    const { text } = scan.fields;
    // RFC 9110 sections 9.3.6 and 9.3.8: a tunnel to anywhere, and an echo of what the client may not see.
    if (method === "CONNECT" || method === "TRACE") return "method_refused";
    const detail = readTarget(text.slice(scan.methodEnd + 1, scan.targetEnd), method) ?? this.#readHost();
    this.path = target.path;
    this.secondPath = target.secondPath;
    this.query = target.query;
    return detail;
  }

  /** RFC 9112 section 3.2. */
  #readHost(): Detail | undefined {
    const { fields } = this;
    const index = fields.find(host);
    if (index < 0 && this.minor > 0) return "host_missing";
    if (index >= 0 && fields.find(host, index + 1) >= 0) return "host_twice";
    const named = index < 0 ? undefined : fields.value(index);
    const asked = target.authority ?? named;
    this.authority = asked ?? "";
    this.host = "";
    if (asked === undefined) return undefined;
    const matched = hostOf(asked);
    if (matched === undefined) return "bad_host";
    this.host = matched;
    return named === undefined || isSameAuthority(named, asked, this.scheme) ? undefined : "host_differs";
  }

  #readFields(): Detail | undefined {
    const { fields } = this;
    if (isTwice(fields, contentType) || isTwice(fields, authorization)) return "field_twice";
    if (!isSoundConnection(fields)) return "connection_field";
    this.takesTrailers = listHas(fields, te, "trailers");
    this.upgrade = this.#asksForWebSocket() ? "websocket" : "";
    const index = fields.find(expect);
    this.expectsContinue = index >= 0 && this.minor > 0 && this.length !== 0;
    if (index < 0 || this.minor === 0) return undefined;
    const value = fields.value(index);
    const isKnown = isWord(value, 0, value.length, "100-continue") && !isTwice(fields, expect);
    return isKnown ? undefined : "expectation";
  }

  /** RFC 6455 section 4.1. */
  #asksForWebSocket(): boolean {
    const { fields, length, method, minor } = this;
    if (fields.find(upgrade) < 0 || method !== "GET" || minor === 0 || length !== 0) return false;
    return listHas(fields, upgrade, "websocket") && connectionHas(fields, "upgrade");
  }
}

function isTwice(fields: Fields, id: number): boolean {
  const index = fields.find(id);
  return index >= 0 && fields.find(id, index + 1) >= 0;
}
