import type { ConnectFailure } from "../../model/connect-failures.ts";

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

/** Names why TCP to a backend could not be connected. */
export function classifyConnectError({ code = "" }: NodeJS.ErrnoException): ConnectFailure {
  return byCode[code] ?? (code.startsWith("STARTTLS_") ? "starttls" : "other");
}

/** OpenSSL's and Node's reasons, as Node names them in `error.code`. */
const byTlsCode: Readonly<Record<string, ConnectFailure>> = {
  ECONNRESET: "tls_closed",
  EPIPE: "tls_closed",
  CERT_HAS_EXPIRED: "tls_expired",
  CERT_NOT_YET_VALID: "tls_expired",
  ERR_TLS_CERT_ALTNAME_INVALID: "tls_name",
  ERR_TLS_CERT_PIN: "tls_pin",
  ERR_SSL_WRONG_VERSION_NUMBER: "not_tls",
  ERR_SSL_PACKET_LENGTH_TOO_LONG: "not_tls",
  ERR_SSL_RECORD_TOO_SMALL: "not_tls",
  ERR_SSL_BAD_RECORD_TYPE: "not_tls",
};

/** Names why TLS with a backend that is connected could not be had. */
export function classifyTlsError({ code = "" }: NodeJS.ErrnoException): ConnectFailure {
  const known = byTlsCode[code];
  if (known !== undefined) return known;
  if (code.startsWith("ERR_")) return /^ERR_SSL_.*ALERT/.test(code) ? "tls_alert" : "tls";
  // The other names are those of X509_verify_cert_error_string(3), or of the system.
  return code === "" || code in byCode ? "tls" : "tls_untrusted";
}
