import { fieldText } from "../../../http/edits.ts";
import type { FieldMarker } from "../../../http/hop-by-hop.ts";
import { NameSet } from "../../../http/name-set.ts";
import type { Forwarded } from "../../../model/http/front.ts";
import { ClientAddress, type Unnamed } from "../../decide/http/client-address.ts";
import type { HttpConnection } from "./client.ts";
import { createRequestId } from "./request-id.ts";
import type { RequestView } from "./view.ts";

const written = {
  "x-forwarded": ["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-port"],
  forwarded: ["forwarded"],
} as const;

/** A longer id is not taken from anybody. */
const longestId = 128;

/**
 * The lines about the client of a connection that were made last, without the request's id. Of a client that is not
 * trusted, all requests for one host have the same ones.
 */
export class LastForwarded {
  by: Forwarding | undefined = undefined;
  authority = "";
  lines = "";
}

/** Marks as another one does, but no fields of this name. @param lower in lower case. */
const but = (lower: string, marker: FieldMarker): FieldMarker => ({
  mark(fields, marks) {
    const before = marks.slice(0, fields.count);
    marker.mark(fields, marks);
    for (let at = fields.findName(lower); at >= 0; at = fields.findName(lower, at + 1))
      marks[at] = before[at]!;
  },
});

/** The rules of a listener: which peers it believes about clients, and which fields tell backends of them. Made once for each listener. */
export class Forwarding {
  readonly #addresses: ClientAddress;
  readonly #definition: Forwarded;
  /** Fields that are written anew, whoever sends them. */
  readonly #own: readonly FieldMarker[];
  /** Fields that nobody but a trusted peer may send. */
  readonly #all: readonly FieldMarker[];

  constructor(definition: Forwarded) {
    const { write, requestId, keepsCertificate } = definition;
    const id = requestId === undefined ? [] : [requestId];
    this.#definition = definition;
    this.#addresses = new ClientAddress(definition);
    this.#own = [new NameSet([...write.flatMap((kind) => written[kind]), ...id])];
    const all = new NameSet(["x-forwarded-*", "forwarded", "x-real-ip", "x-request-id", ...id]);
    this.#all = [keepsCertificate === true ? but("x-forwarded-client-cert", all) : all];
  }

  trusts(peer: string): boolean {
    return this.#addresses.trusts(peer);
  }

  /** Finds out whose request it is, and which id it has. @returns why the request has to be refused. */
  identify(view: RequestView, peer: string): Unnamed | undefined {
    const { requestId, keepsRequestId } = this.#definition;
    const trusts = this.trusts(peer);
    if (requestId !== undefined) {
      const given = keepsRequestId === true || trusts ? (view.header(requestId) ?? "") : "";
      view.requestId = given !== "" && given.length <= longestId ? given : createRequestId();
    }
    if (!trusts) return undefined;
    const client = this.#addresses.of(peer, (name) => view.header(name));
    if (typeof client === "object") return client;
    view.client = client;
    return undefined;
  }

  /** @returns the fields that are not passed as the client sent them. */
  markers(peer: string): readonly FieldMarker[] {
    return this.trusts(peer) ? this.#own : this.#all;
  }

  /** @param last of the connection. @returns fields for the backend, as lines. */
  lines(view: RequestView, connection: HttpConnection, last: LastForwarded): string {
    const { requestId } = this.#definition;
    const id = requestId === undefined ? "" : `${requestId}: ${view.requestId}\r\n`;
    if (this.trusts(connection.clientAddress)) return id + this.#forwarded(view, connection);
    const { authority } = view.head;
    if (last.by !== this || last.authority !== authority) {
      last.by = this;
      last.authority = authority;
      last.lines = this.#forwarded(view, connection);
    }
    return id + last.lines;
  }

  #forwarded(view: RequestView, connection: HttpConnection): string {
    let lines = "";
    for (const kind of this.#definition.write)
      lines += kind === "forwarded" ? this.#standard(view, connection) : this.#usual(view, connection);
    return lines;
  }

  #usual(view: RequestView, connection: HttpConnection): string {
    const { clientAddress: peer, raw } = connection;
    const trusts = this.trusts(peer);
    const said = (name: string): string | undefined => (trusts ? view.header(name) : undefined);
    const before = said("x-forwarded-for");
    const host = said("x-forwarded-host") ?? view.head.authority;
    const port = said("x-forwarded-port") ?? String(raw.localPort ?? "");
    const list = before === undefined || before === "" ? peer : `${before}, ${peer}`;
    let lines = peer === "" ? "" : `x-forwarded-for: ${list}\r\n`;
    lines += `x-forwarded-proto: ${said("x-forwarded-proto") ?? view.head.scheme}\r\n`;
    if (host !== "") lines += `x-forwarded-host: ${host}\r\n`;
    return port === "" ? lines : `${lines}x-forwarded-port: ${port}\r\n`;
  }

  /** RFC 7239. */
  #standard(view: RequestView, { clientAddress: peer }: HttpConnection): string {
    const before = this.trusts(peer) ? view.header("forwarded") : undefined;
    const node = peer === "" ? "unknown" : peer.includes(":") ? `"[${peer}]"` : peer;
    const { authority, scheme } = view.head;
    const host = authority === "" ? "" : `;host="${fieldText(authority)}"`;
    const own = `for=${node};proto=${scheme}${host}`;
    return `forwarded: ${before === undefined || before === "" ? own : `${before}, ${own}`}\r\n`;
  }
}
