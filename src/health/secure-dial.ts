import { connect as connectPlain, type Socket } from "node:net";
import type { SecureContext, TLSSocket } from "node:tls";
import { connectOptions } from "../lib/connect.ts";
import { systemPath } from "../lib/socket-file.ts";
import type { CheckSpec } from "../model/health.ts";
import type { PoolTls } from "../model/pool.ts";
import { beginTls, createBackendContext } from "../tls/backend.ts";
import { askForTls } from "../tls/postgres.ts";
import type { CheckTarget } from "./check.ts";
import { type Connection, type Dial, type Events, follow } from "./connection.ts";
import { Sessions } from "./sessions.ts";

/** Time between two looks at a backend's certificate, in milliseconds; with rarer checks, each one looks. */
const verifiedEvery = 60_000;
/** Time that a passed full handshake waits for a session to resume, in milliseconds. */
const longestWait = 1_000;
/**
 * The cheapest groups, for resumed handshakes: the key exchange is half of their cost. With a hybrid group in the list, a
 * server that prefers it asks for another hello.
 */
const cheapGroups = "X25519:P-256:P-384:P-521";

/**
 * Connections over TLS. A full handshake verifies the backend as sessions do. Until its session is too old, further
 * handshakes resume that session (RFC 8446 section 2.2, RFC 5077), which takes less than half of the time here.
 * @param times of the checks, in milliseconds.
 */
export function secureDial(
  header: Buffer | undefined,
  tls: PoolTls,
  { interval, timeout, sources }: Pick<CheckSpec, "interval" | "timeout" | "sources">,
  protocols: readonly string[],
): Dial {
  // Reading the trusted certificates takes long, so it is done once, at the first use.
  const full = once(() => createBackendContext(tls, undefined));
  const resuming = once(() => createBackendContext(tls, cheapGroups));
  const pool: SecurePool = {
    tls,
    header,
    timeout,
    sources,
    protocols,
    // The next check may be 10 % late.
    sessions: new Sessions(verifiedEvery - 1.1 * interval),
    context: (resumes) => (resumes ? resuming() : full()),
  };
  return (target, events) => new SecureConnection(target, events, pool);
}

function once<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

/** The shared state of a pool's connections. */
interface SecurePool {
  readonly tls: PoolTls;
  readonly header: Buffer | undefined;
  /** In milliseconds. */
  readonly timeout: number;
  readonly sources: CheckSpec["sources"];
  readonly protocols: readonly string[];
  readonly sessions: Sessions;
  context(resumes: boolean): SecureContext;
}

class SecureConnection implements Connection {
  readonly #target: CheckTarget;
  readonly #events: Events;
  readonly #pool: SecurePool;
  /** Undefined while the backend is asked to begin TLS. */
  #socket: TLSSocket | undefined;
  #raw: Socket | undefined;
  #resuming: boolean;
  #ready = false;
  /** A session is wanted, and has not come yet. */
  #wantsSession = false;

  constructor(target: CheckTarget, events: Events, pool: SecurePool) {
    this.#target = target;
    this.#events = events;
    this.#pool = pool;
    const session = pool.sessions.of(target);
    this.#resuming = session !== undefined;
    this.#open(session);
  }

  get protocol(): string {
    return this.#socket?.alpnProtocol || "";
  }

  write(bytes: string | Buffer): void {
    this.#socket?.write(bytes);
  }

  close(passed: boolean): void {
    const socket = this.#socket;
    if (socket === undefined) this.#raw?.destroy();
    else if (!passed) {
      this.#pool.sessions.forget(this.#target);
      socket.destroy();
    } else if (this.#wantsSession) {
      // In TLS 1.3 the session comes a moment after the handshake.
      const timer = setTimeout(() => leave(socket), longestWait).unref();
      socket.once("session", () => leave(socket)).once("close", () => clearTimeout(timer));
      socket.unref();
    } else leave(socket);
  }

  #open(session: Buffer | undefined): void {
    const { others } = this.#target;
    const { tls, header } = this.#pool;
    const asks = tls.starttls !== undefined;
    const plainFirst = asks || header !== undefined || others !== undefined;
    const raw = plainFirst ? openPlain(this.#target, this.#pool) : undefined;
    this.#socket = undefined;
    this.#raw = raw;
    if (raw === undefined || !asks) {
      this.#begin(raw, session);
      return;
    }
    raw.on("error", (error) => this.#raw === raw && this.#socket === undefined && this.#failed(error));
    askForTls(
      raw,
      () => this.#begin(raw, session),
      (error) => this.#failed(error),
    );
  }

  #begin(raw: Socket | undefined, session: Buffer | undefined): void {
    const { target } = this.#target;
    const { tls, protocols } = this.#pool;
    const socket = beginTls(tls, this.#target, {
      ...(raw !== undefined && { socket: raw }),
      ...(target.kind === "tcp" && { port: target.port }),
      ...(target.kind === "unix" && raw === undefined && { path: systemPath(target.path) }),
      context: this.#pool.context(session !== undefined),
      protocols,
      session,
    });
    if (raw === undefined) socket.setNoDelay();
    raw?.on("error", (error) => socket.destroy(error));
    if (raw !== undefined) socket.on("close", () => raw.destroy());
    socket.on("secureConnect", () => this.#secured(socket));
    socket.on("session", (next) => this.#keep(next));
    socket.on("data", (chunk) => this.#events.receive(chunk));
    follow(socket, {
      ended: () => this.#events.ended(),
      failed: (cause) => socket === this.#socket && this.#failed(cause),
    });
    this.#socket = socket;
  }

  #secured(socket: TLSSocket): void {
    this.#ready = true;
    this.#resuming = socket.isSessionReused();
    if (!this.#resuming)
      this.#wantsSession = this.#pool.sessions.verified(this.#target, this.#notAfter(socket));
    this.#events.ready();
  }

  /** Of the backend's certificate, where it was verified, in milliseconds since 1970. */
  #notAfter(socket: TLSSocket): number {
    const certificate = this.#pool.tls.verify ? socket.getPeerX509Certificate() : undefined;
    return certificate?.validToDate.getTime() ?? Number.POSITIVE_INFINITY;
  }

  #keep(session: Buffer): void {
    if (!this.#wantsSession && !this.#resuming) return;
    this.#wantsSession = false;
    this.#pool.sessions.keep(this.#target, session);
  }

  #failed(cause: Error): void {
    if (this.#ready || !this.#resuming) {
      this.#events.failed(cause);
      return;
    }
    // A refused session says nothing about the backend's health.
    this.#pool.sessions.refused(this.#target);
    this.#resuming = false;
    this.#socket?.destroy();
    this.#raw?.destroy();
    this.#open(undefined);
  }
}

/**
 * Closes a connection that has done its job, but not at once. When Node reports the end of the handshake, the client's
 * last message is not written yet, and the backend would see a broken handshake.
 */
function leave(socket: TLSSocket): void {
  setImmediate(() => socket.destroy());
}

/** TLS does not begin before the header is written. */
function openPlain({ target, others }: CheckTarget, { header, timeout, sources }: SecurePool): Socket {
  const socket =
    target.kind === "unix"
      ? connectPlain(systemPath(target.path))
      : connectPlain({
          ...connectOptions(target.host, target.port, others, timeout, sources),
          noDelay: true,
        });
  if (header !== undefined) socket.write(header);
  return socket;
}
