import { errorAt, type Path, warningAt } from "../../../lib/findings.ts";
import type { FieldChanges } from "../../../model/http/route.ts";
import type { Piece, Template, Variable } from "../../../model/http/template.ts";
import type { Node } from "../node.ts";
import type { Mapping } from "./context.ts";

/** Envoy's command operators that umay has a variable for. */
export const operators: Readonly<Record<string, Variable>> = {
  DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT: "client.ip",
  DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT: "client.ip",
  DOWNSTREAM_REMOTE_PORT: "client.port",
  DOWNSTREAM_TLS_VERSION: "tls.version",
  DOWNSTREAM_TLS_CIPHER: "tls.cipher",
  DOWNSTREAM_PEER_SUBJECT: "tls.client.subject",
  DOWNSTREAM_PEER_URI_SAN: "tls.client.spiffe",
  DOWNSTREAM_PEER_FINGERPRINT_256: "tls.client.fingerprint",
  REQUESTED_SERVER_NAME: "tls.sni",
  UPSTREAM_HOST: "backend.address",
  ROUTE_NAME: "route",
  "REQ(:METHOD)": "request.method",
  "REQ(:AUTHORITY)": "request.host",
  "REQ(:PATH)": "request.path",
  "REQ(:SCHEME)": "request.scheme",
  "REQ(X-REQUEST-ID)": "request.id",
};

const operator = /%%|%([A-Z_0-9]+(?:\([^)%]*\))?)(?::\d+)?%/g;

/** Reads `%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%`; `%%` is a percent sign. @returns undefined after an error. */
export function mapTemplate(text: string, path: Path, { report }: Mapping): Template | undefined {
  const pieces: Piece[] = [];
  let plain = "";
  let from = 0;
  for (const match of text.matchAll(operator)) {
    plain += text.slice(from, match.index);
    from = match.index + match[0].length;
    const [whole, name] = match;
    if (whole === "%%") {
      plain += "%";
      continue;
    }
    const piece = pieceOf(name!);
    if (piece === undefined) {
      report(errorAt(path, `has the operator ${whole}, which umay has no variable for`));
      return undefined;
    }
    if (plain !== "") pieces.push(plain);
    plain = "";
    pieces.push(piece);
  }
  plain += text.slice(from);
  return plain === "" ? pieces : [...pieces, plain];
}

function pieceOf(name: string): Piece | undefined {
  const variable = operators[name.toUpperCase()];
  if (variable !== undefined) return { variable };
  const [, header] = /^REQ\(([A-Za-z0-9_-]+)\)$/i.exec(name) ?? [];
  return header === undefined ? undefined : { header: header.toLowerCase() };
}

/** Changes of one level: of a route, a virtual host or a route configuration. */
interface Level {
  readonly add: readonly Node[];
  readonly remove: readonly string[];
}

const levelOf = (node: Node, side: "request" | "response"): Level => ({
  add: node.nodes(`${side}_headers_to_add`),
  remove: node.texts(`${side}_headers_to_remove`),
});

/** The changes of fields by a route, its virtual host and its table, in this order. */
export function mapFields(
  levels: readonly Node[],
  side: "request" | "response",
  usual: FieldChanges,
  mapping: Mapping,
): FieldChanges {
  const set: Record<string, Template> = {};
  const add: Record<string, Template> = {};
  const remove: string[] = [];
  for (const level of levels.map((node) => levelOf(node, side))) {
    for (const option of level.add) mapOption(option, set, add, mapping);
    remove.push(...level.remove.map((name) => name.toLowerCase()));
  }
  return { ...usual, set, add, remove };
}

function mapOption(
  option: Node,
  set: Record<string, Template>,
  add: Record<string, Template>,
  mapping: Mapping,
): void {
  const header = option.node("header");
  const name = header?.text("key").toLowerCase() ?? "";
  if (header === undefined || !/^[a-z0-9!#$%&'*+.^_`|~-]+$/.test(name)) {
    mapping.report(errorAt(header?.at("key") ?? option.path, "is no name of a header that can be changed"));
    return;
  }
  const template = mapTemplate(header.text("value"), header.at("value"), mapping);
  if (template === undefined) return;
  const action = option.text("append_action") || "APPEND_IF_EXISTS_OR_ADD";
  const overwrites = option.flag("append") === false || action === "OVERWRITE_IF_EXISTS_OR_ADD";
  if (!overwrites && action !== "APPEND_IF_EXISTS_OR_ADD")
    mapping.report(
      errorAt(
        option.at("append_action"),
        `${action} is not supported; expected APPEND_IF_EXISTS_OR_ADD or OVERWRITE_IF_EXISTS_OR_ADD`,
      ),
    );
  const into = overwrites ? set : add;
  if (Object.hasOwn(into, name))
    mapping.report(warningAt(option.path, `changes ${name} a second time; the first change counts`));
  else into[name] = template;
}
