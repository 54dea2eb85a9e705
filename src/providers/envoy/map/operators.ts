import { errorAt, type Path, warningAt } from "../../../lib/findings.ts";
import type { Piece, Template, Variable } from "../../../model/http/template.ts";
import type { Mapping } from "./context.ts";

/** Envoy's command operators that umay has a variable for. */
export const operators: Readonly<Record<string, Variable>> = {
  DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT: "client.ip",
  DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT: "client.peer",
  DOWNSTREAM_REMOTE_PORT: "client.port",
  DOWNSTREAM_LOCAL_ADDRESS: "listener.address",
  DOWNSTREAM_LOCAL_PORT: "listener.port",
  DOWNSTREAM_TLS_VERSION: "tls.version",
  DOWNSTREAM_TLS_CIPHER: "tls.cipher",
  DOWNSTREAM_PEER_SUBJECT: "tls.client.subject",
  DOWNSTREAM_PEER_URI_SAN: "tls.client.spiffe",
  DOWNSTREAM_PEER_FINGERPRINT_256: "tls.client.fingerprint",
  REQUESTED_SERVER_NAME: "tls.sni",
  UPSTREAM_HOST: "backend.address",
  UPSTREAM_REMOTE_ADDRESS: "backend.address",
  UPSTREAM_CLUSTER: "pool",
  ROUTE_NAME: "route",
  UPSTREAM_REQUEST_ATTEMPT_COUNT: "attempt",
  PROTOCOL: "request.protocol",
  TRACE_ID: "trace.id",
  STREAM_ID: "request.id",
  START_TIME: "time",
  "REQ(:METHOD)": "request.method",
  "REQ(:AUTHORITY)": "request.host",
  "REQ(HOST)": "request.host",
  "REQ(:PATH)": "request.target",
  "REQ(:SCHEME)": "request.scheme",
  "REQ(X-REQUEST-ID)": "request.id",
  "PATH(NQ)": "request.path",
};

const operator = /%%|%([A-Z_0-9]+(?:\([^)%]*\))?)(:\d+)?%/g;

/** Reads `%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%`; `%%` is a percent sign. @returns undefined after an error. */
export function mapTemplate(text: string, path: Path, { report }: Mapping): Template | undefined {
  const pieces: Piece[] = [];
  let plain = "";
  let from = 0;
  for (const match of text.matchAll(operator)) {
    plain += text.slice(from, match.index);
    from = match.index + match[0].length;
    const [whole, name, length] = match;
    if (whole === "%%") {
      plain += "%";
      continue;
    }
    const piece = pieceOf(name!);
    if (piece === undefined) {
      report(errorAt(path, `has the operator ${whole}, which umay has no variable for`));
      return undefined;
    }
    if (length !== undefined) report(warningAt(path, `has ${whole}, of which the length has no effect`));
    if (plain !== "") pieces.push(plain);
    plain = "";
    pieces.push(piece);
  }
  plain += text.slice(from);
  return plain === "" ? pieces : [...pieces, plain];
}

function pieceOf(name: string): Piece | undefined {
  const known = name.toUpperCase().replace(/^REQUEST_HEADER\(/, "REQ(");
  const variable = operators[known];
  if (variable !== undefined) return { variable };
  const [, header] = /^REQ\(([A-Z0-9_-]+)\)$/.exec(known) ?? [];
  return header === undefined ? undefined : { header: header.toLowerCase() };
}
