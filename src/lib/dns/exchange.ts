import { createSocket } from "node:dgram";
import { connect, isIPv6 } from "node:net";
import { Turns } from "../turns.ts";
import { createQuery, type Query, type QuestionType, type Reply, readReply } from "./message.ts";

/** The address of a DNS server: IP address and port. */
export interface ServerAddress {
  readonly host: string;
  readonly port: number;
}

export interface Question {
  readonly name: string;
  readonly type: QuestionType;
}

/** The message of the error for a server that did not answer in time. */
export const noAnswer = "no answer";

const codes: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused",
  ECONNRESET: "connection reset",
  EHOSTUNREACH: "unreachable host",
  ENETUNREACH: "unreachable network",
};

/** Each query has its own socket, and so its own file descriptor. */
const mostAtOnce = 128;
const turns = new Map<string, Turns>();

/** When servers that were silent with EDNS have answered without it, by performance.now(). */
const plainSince = new Map<string, number>();
/** A lost packet looks the same, so a server is asked with EDNS again after this time, in milliseconds. */
const plainFor = 300_000;

function dropsEdns(key: string): boolean {
  const since = plainSince.get(key);
  if (since === undefined) return false;
  if (performance.now() - since < plainFor) return true;
  plainSince.delete(key);
  return false;
}

/**
 * Asks one server one question. A server gets at most 128 questions at the same time; further ones wait.
 * @param plain whether the server was silent when it was asked with EDNS: some drop such queries, others forbid them.
 * @param timeout for the whole exchange, waiting included, in milliseconds.
 * @throws Error whose message is the cause in a few words.
 */
export async function exchange(
  server: ServerAddress,
  question: Question,
  plain: boolean,
  timeout: number,
  signal: AbortSignal,
): Promise<Reply> {
  const stop = new AbortController();
  let silence = `${noAnswer} to ${mostAtOnce} other queries`;
  const timer = setTimeout(() => stop.abort(new Error(silence)), timeout);
  const abort = (): void => stop.abort(new Error("cancelled"));
  signal.addEventListener("abort", abort, { once: true });
  if (signal.aborted) abort();
  const key = `${server.host} ${server.port}`;
  const its = turns.get(key) ?? new Turns(mostAtOnce);
  turns.set(key, its);
  const ask = (): Promise<Reply> => {
    silence = noAnswer;
    return converse(server, question, !plain && !dropsEdns(key), stop.signal);
  };
  try {
    const reply = await its.run(ask, stop.signal);
    if (plain) plainSince.set(key, performance.now());
    return reply;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", abort);
  }
}

/**
 * Asks over UDP with EDNS, without EDNS where the server does not know it (RFC 6891 section 6.2.2), and over TCP where
 * the answer was too large (RFC 7766). Each query has its own random id, and its own port, which the kernel draws.
 */
async function converse(
  server: ServerAddress,
  { name, type }: Question,
  edns: boolean,
  signal: AbortSignal,
): Promise<Reply> {
  let extended = edns;
  let reply = await overUdp(server, createQuery(name, type, extended), signal);
  if (extended && (reply.rcode === "FORMERR" || reply.rcode === "NOTIMP")) {
    extended = false;
    reply = await overUdp(server, createQuery(name, type, extended), signal);
  }
  if (!reply.truncated) return reply;
  reply = await overTcp(server, createQuery(name, type, extended), signal);
  if (reply.truncated) throw new Error("an answer that was cut short over TCP");
  return reply;
}

/** The socket is connected: the kernel drops packets of other senders, and tells when nothing listens there. */
async function overUdp({ host, port }: ServerAddress, query: Query, signal: AbortSignal): Promise<Reply> {
  signal.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<Reply>();
  const socket = createSocket(isIPv6(host) ? "udp6" : "udp4");
  const stop = (): void => reject(signal.reason);
  signal.addEventListener("abort", stop, { once: true });
  socket.on("error", (error) => reject(worded(error)));
  socket.on("message", (bytes) => {
    try {
      const reply = readReply(bytes, query);
      if (reply !== undefined) resolve(reply);
    } catch (error) {
      reject(error);
    }
  });
  socket.once("connect", () => socket.send(query.bytes));
  try {
    socket.connect(port, host);
    return await promise;
  } finally {
    signal.removeEventListener("abort", stop);
    socket.close();
  }
}

async function overTcp({ host, port }: ServerAddress, query: Query, signal: AbortSignal): Promise<Reply> {
  signal.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<Reply>();
  const socket = connect({ host, port });
  const fail = (cause: string): void => reject(new Error(`${cause} over TCP`));
  const stop = (): void => fail((signal.reason as Error).message);
  signal.addEventListener("abort", stop, { once: true });
  socket.on("error", (error) => fail(worded(error).message));
  socket.on("end", () => fail("an answer that was cut short"));
  let received = Buffer.alloc(0);
  socket.on("data", (chunk) => {
    received = Buffer.concat([received, chunk]);
    // RFC 1035 section 4.2.2: two bytes of length come first.
    if (received.length < 2 || received.length < 2 + received.readUInt16BE(0)) return;
    try {
      const reply = readReply(received.subarray(2, 2 + received.readUInt16BE(0)), query);
      if (reply === undefined) fail("an answer to another question");
      else resolve(reply);
    } catch (error) {
      fail((error as Error).message);
    }
  });
  const length = Buffer.alloc(2);
  length.writeUInt16BE(query.bytes.length);
  socket.write(Buffer.concat([length, query.bytes]));
  try {
    return await promise;
  } finally {
    signal.removeEventListener("abort", stop);
    socket.destroy();
  }
}

function worded(error: NodeJS.ErrnoException): Error {
  return new Error(codes[error.code ?? ""] ?? error.message, { cause: error });
}
