import type { HandshakeResult } from "../../model/reasons.ts";

/** OpenSSL's reasons, as Node names them in `error.code`. */
const byCode: Readonly<Record<string, HandshakeResult>> = {
  ECONNRESET: "client_gone",
  EPIPE: "client_gone",
  ERR_SSL_WRONG_VERSION_NUMBER: "not_tls",
  ERR_SSL_HTTP_REQUEST: "not_tls",
  ERR_SSL_HTTPS_PROXY_REQUEST: "not_tls",
  ERR_SSL_PACKET_LENGTH_TOO_LONG: "not_tls",
  ERR_SSL_DATA_LENGTH_TOO_LONG: "not_tls",
  ERR_SSL_ENCRYPTED_LENGTH_TOO_LONG: "not_tls",
  ERR_SSL_UNEXPECTED_MESSAGE: "not_tls",
  ERR_SSL_RECORD_TOO_SMALL: "not_tls",
  ERR_SSL_BAD_RECORD_TYPE: "not_tls",
  ERR_SSL_UNSUPPORTED_PROTOCOL: "protocol_version",
  ERR_SSL_UNKNOWN_PROTOCOL: "protocol_version",
  ERR_SSL_VERSION_TOO_LOW: "protocol_version",
  ERR_SSL_NO_PROTOCOLS_AVAILABLE: "protocol_version",
  ERR_SSL_NO_SHARED_CIPHER: "no_shared_cipher",
  ERR_SSL_NO_SUITABLE_KEY_SHARE: "no_shared_cipher",
  ERR_SSL_NO_SHARED_GROUPS: "no_shared_cipher",
  ERR_SSL_NO_SUITABLE_GROUPS: "no_shared_cipher",
  ERR_SSL_NO_SUITABLE_SIGNATURE_ALGORITHM: "no_shared_cipher",
  ERR_SSL_NO_SHARED_SIGNATURE_ALGORITHMS: "no_shared_cipher",
  ERR_SSL_NO_APPLICATION_PROTOCOL: "no_application_protocol",
  ERR_SSL_WRONG_CURVE: "client_certificate_curve",
  ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE: "client_certificate_missing",
};

/** Names why a handshake failed. */
export function classifyHandshakeError(error: NodeJS.ErrnoException): HandshakeResult {
  const code = error.code ?? "";
  return byCode[code] ?? (/ALERT/.test(code) ? "client_alert" : "failed");
}

/** OpenSSL's reason in its own words (`http request`), or the system's message. */
export function describeTlsError(error: Error & { readonly reason?: string }): string {
  return error.reason ?? error.message;
}
