import type { HandshakeResult } from "../../model/reasons.ts";
import type { AcceptingListener } from "./accepting.ts";
import { classifyHandshakeError, describeTlsError } from "./handshake-failure.ts";
import { detectTimeout } from "./hello.ts";
import { lastWordsAfter } from "./last-words.ts";
import { silence } from "./plain-protocols.ts";

/** `served`: handed on. */
export type Phase = "header" | "hello" | "handshake" | "served" | "closed";

/** The part of a connection that the phases act on. */
interface Received {
  readonly listener: AcceptingListener;
  /** Whether no byte has come, as far as bytes are read here. */
  readonly silent: boolean;
  notIntroduced(detail: string): void;
  settleFirstBytes(): void;
  handshakeFailed(result: HandshakeResult, detail: string, lastWords?: Buffer): void;
}

/** The answers of a phase to what happens in it. */
interface PhaseEvents {
  /** The client's socket failed. */
  failed(connection: Received, error: NodeJS.ErrnoException): void;
  /** The client has sent its last byte, or its socket has closed. */
  gone(connection: Received): void;
  /** @param quiet how long the phase has lasted at least, in milliseconds. */
  endIfOverdue(connection: Received, quiet: number): void;
}

const handshake: PhaseEvents = {
  failed: (connection, error) =>
    connection.handshakeFailed(classifyHandshakeError(error), describeTlsError(error), lastWordsAfter(error)),
  gone: (connection) => connection.handshakeFailed("client_gone", ""),
  endIfOverdue(connection, quiet) {
    if (quiet > connection.listener.definition.timeouts.handshake)
      connection.handshakeFailed("timeout", connection.silent ? silence : "");
  },
};

const ignored: PhaseEvents = { failed() {}, gone() {}, endIfOverdue() {} };

export const phases: Readonly<Record<Phase, PhaseEvents>> = {
  header: {
    failed: (connection, error) => connection.notIntroduced(error.message),
    gone: (connection) => connection.notIntroduced("the connection ended before the PROXY header did"),
    endIfOverdue(connection, quiet) {
      if (quiet > connection.listener.definition.proxyProtocol!.timeout)
        connection.notIntroduced("the PROXY header did not come in time");
    },
  },
  hello: {
    ...handshake,
    endIfOverdue(connection, quiet) {
      // A client that waits for the server to speak first is served; one that is to speak TLS has its handshake timeout.
      if (connection.listener.definition.detect && quiet > detectTimeout) connection.settleFirstBytes();
      else handshake.endIfOverdue(connection, quiet);
    },
  },
  handshake,
  served: ignored,
  closed: ignored,
};
