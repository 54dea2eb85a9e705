import type { Socket } from "node:net";
import { connectFault } from "../lib/connect.ts";
import type { CheckTarget } from "./check.ts";

/** Events of a connection. */
export interface Events {
  ready(): void;
  /** @param chunk valid until this returns. */
  receive(chunk: Buffer): void;
  /** The other side has ended its direction. */
  ended(): void;
  /** May be called several times. */
  failed(cause: Error): void;
}

export interface Connection {
  /** The application protocol that was agreed on (ALPN); empty: none. */
  readonly protocol: string;
  write(bytes: string | Buffer): void;
  /** @param passed whether the check passed. */
  close(passed: boolean): void;
}

/** Opens a connection to the checked address. No event comes before this has returned. */
export type Dial = (target: CheckTarget, events: Events) => Connection;

/** Reports how a socket ends. */
export function follow(socket: Socket, events: Pick<Events, "ended" | "failed">): void {
  // It stays: a socket may still fail while it is being closed.
  socket.on("error", (cause) => events.failed(connectFault(cause)));
  // The failure comes after it: the reader of the answer may know better what is missing.
  socket.on("end", () => {
    events.ended();
    events.failed(new Error("the connection was closed without an answer"));
  });
}
