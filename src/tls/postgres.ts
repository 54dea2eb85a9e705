import type { Socket } from "node:net";

/*
 * How TLS begins in PostgreSQL's protocol: the client asks for it in the clear, and the server answers with one byte.
 * https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-SSL
 */

/** The codes of requests that come before a startup message: each has its length in front, both 32 bits. */
export const postgresCodes = { cancel: 80_877_102, ssl: 80_877_103, gssEncryption: 80_877_104 } as const;

export const postgresRequestLength = 8;

/** SSLRequest. */
export const sslRequest: Buffer = request(postgresCodes.ssl);

/** A request that is nothing but its code. */
export function request(code: number): Buffer {
  const bytes = Buffer.alloc(postgresRequestLength);
  bytes.writeUInt32BE(postgresRequestLength, 0);
  bytes.writeUInt32BE(code, 4);
  return bytes;
}

/** Begins a session of protocol 3.0, as this user. */
export function startupMessage(user: string): Buffer {
  const parameters = Buffer.from(`user\0${user}\0application_name\0umay health check\0\0`);
  const head = Buffer.alloc(8);
  head.writeUInt32BE(head.length + parameters.length, 0);
  head.writeUInt32BE(3 << 16, 4);
  return Buffer.concat([head, parameters]);
}

/** Ends a session in order. */
export const terminate: Buffer = Buffer.from([0x58, 0, 0, 0, 4]);

/** An ErrorResponse that ends a connection. @param sqlState five characters, see appendix A of PostgreSQL's manual. */
export function errorResponse(sqlState: string, message: string): Buffer {
  const fields = Buffer.from(`SFATAL\0VFATAL\0C${sqlState}\0M${message}\0\0`);
  const head = Buffer.alloc(5);
  head.write("E");
  head.writeUInt32BE(4 + fields.length, 1);
  return Buffer.concat([head, fields]);
}

const refusals = {
  STARTTLS_REFUSED: "the backend does not speak TLS: it answered N to the SSLRequest",
  STARTTLS_ERROR: "the backend answered the SSLRequest with an error",
  STARTTLS_UNKNOWN: "the backend answered the SSLRequest with something that is not PostgreSQL's",
  STARTTLS_EXTRA: "the backend sent more than its answer to the SSLRequest before TLS began",
  STARTTLS_CLOSED: "the backend ended the connection instead of answering the SSLRequest",
} as const;

type Refusal = keyof typeof refusals;

/** Why TLS can't begin after this answer; undefined: it can. Bytes behind it could be an attacker's (CVE-2021-23222). */
function refusalOf(answer: Buffer): Refusal | undefined {
  const [first] = answer;
  if (first === 0x53) return answer.length === 1 ? undefined : "STARTTLS_EXTRA";
  return first === 0x4e ? "STARTTLS_REFUSED" : first === 0x45 ? "STARTTLS_ERROR" : "STARTTLS_UNKNOWN";
}

/**
 * Asks a backend to begin TLS; the caller limits the time, and hears what else may happen to the socket.
 * @param raw connected, or about to be; nobody reads it.
 * @param granted TLS is to begin. Of this and `refused` at most one is called, once.
 * @param refused with an error whose code says why.
 */
export function askForTls(raw: Socket, granted: () => void, refused: (error: Error) => void): void {
  const settle = (refusal: Refusal | undefined): void => {
    raw.removeListener("data", onData).removeListener("end", onEnd).pause();
    if (raw.destroyed) return;
    if (refusal === undefined) granted();
    else refused(Object.assign(new Error(refusals[refusal]), { code: refusal }));
  };
  const onData = (answer: Buffer): void => settle(refusalOf(answer));
  const onEnd = (): void => settle("STARTTLS_CLOSED");
  raw.on("data", onData).on("end", onEnd);
  raw.write(sslRequest);
}
