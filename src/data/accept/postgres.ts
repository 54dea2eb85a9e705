import { errorResponse, postgresCodes, postgresRequestLength } from "../../tls/postgres.ts";
import type { FirstReader } from "./first-bytes.ts";

/** The listener's side, which is told how a PostgreSQL client begins. */
export interface PostgresListener {
  /** Sends bytes in the clear. */
  reply(bytes: Buffer): void;
  /** TLS comes next. */
  upgraded(): void;
  /** No TLS comes, and the client is served without. */
  declined(): void;
  handshakeFailed(result: "not_tls", detail: string, lastWords?: Buffer): void;
}

const yes = Buffer.from("S");
const no = Buffer.from("N");
/** The first byte of a TLS handshake: a client may begin with TLS directly (sslnegotiation=direct). */
const handshakeRecord = 22;
const tlsRequired = "this server takes connections over TLS only; use sslmode=require or stronger";

/**
 * Answers what a PostgreSQL client sends before TLS: an SSLRequest, perhaps after a GSSENCRequest. Anything else is
 * refused, and so is anything in the clear behind a request: it could be an attacker's and would seem to come through TLS
 * (CVE-2021-23214).
 */
export class PostgresReader implements FirstReader {
  readonly #connection: PostgresListener;
  readonly #passesPlain: boolean;
  /** Bytes of a GSSENCRequest that has been answered. */
  #answered = 0;
  #declined = false;

  /** @param passesPlain whether clients without TLS are served. */
  constructor(connection: PostgresListener, passesPlain: boolean) {
    this.#connection = connection;
    this.#passesPlain = passesPlain;
  }

  read(all: Buffer): number | undefined {
    const bytes = all.subarray(this.#answered);
    if (bytes.length === 0) return undefined;
    if (bytes[0] === handshakeRecord) return this.#answered;
    if (bytes.length < postgresRequestLength) return undefined;
    const length = bytes.readUInt32BE(0);
    const code = bytes.readUInt32BE(4);
    const isRequest = length === postgresRequestLength;
    if (isRequest && bytes.length > length)
      return this.#refuse("bytes in the clear behind a request for encryption");
    if (isRequest && code === postgresCodes.ssl) {
      this.#connection.reply(yes);
      return this.#answered + postgresRequestLength;
    }
    if (isRequest && code === postgresCodes.gssEncryption && this.#answered === 0) {
      this.#connection.reply(no);
      this.#answered = postgresRequestLength;
      return undefined;
    }
    const isStart = code >>> 16 === 3;
    if (this.#passesPlain && (isStart || code === postgresCodes.cancel)) {
      this.#declined = true;
      return this.#answered;
    }
    if (code === postgresCodes.cancel) return this.#refuse("a CancelRequest without TLS");
    if (isStart) return this.#refuse("a startup message without TLS", errorResponse("28000", tlsRequired));
    return this.#refuse("neither TLS nor PostgreSQL");
  }

  done(): void {
    if (this.#declined) this.#connection.declined();
    else this.#connection.upgraded();
  }

  #refuse(detail: string, lastWords?: Buffer): undefined {
    this.#connection.handshakeFailed("not_tls", detail, lastWords);
  }
}
