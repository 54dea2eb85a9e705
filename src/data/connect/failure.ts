import type { ConnectFailure } from "../../model/reasons.ts";

const byCode: Readonly<Record<string, ConnectFailure>> = {
  ECONNREFUSED: "refused",
  // A unix socket that is not there, or whose process is gone.
  ENOENT: "refused",
  ETIMEDOUT: "timeout",
  EHOSTUNREACH: "unreachable",
  ENETUNREACH: "unreachable",
  EHOSTDOWN: "unreachable",
  ENETDOWN: "unreachable",
  ECONNRESET: "reset",
  EPIPE: "reset",
  EADDRNOTAVAIL: "no_port",
  EMFILE: "file_descriptors",
  ENFILE: "file_descriptors",
};

/** Names why a backend could not be connected. */
export function classifyConnectError(error: NodeJS.ErrnoException): ConnectFailure {
  return byCode[error.code ?? ""] ?? "other";
}
