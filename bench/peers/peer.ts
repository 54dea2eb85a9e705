import type { Certificate } from "../certificate.ts";
import type { Command } from "../process.ts";

/** Whether connections are relayed, or requests forwarded: to backends of HTTP/1.1, or of HTTP/2. */
export const modes = ["tcp", "http", "http2"] as const;
export type Mode = (typeof modes)[number];

/** The place that a peer is configured for. Every peer gets the same. */
export interface Place {
  /** A temporary folder of the peer's own, for its configuration and its log. */
  readonly folder: string;
  /** Listen here on 127.0.0.1, with TLS 1.3. */
  readonly port: number;
  /** Relay to this port on 127.0.0.1, in plain text: bytes as they are, or requests. */
  readonly backendPort: number;
  readonly certificate: Certificate;
  /** Worker processes or threads. */
  readonly workers: number;
  /** Write a line for every session to standard output or a file. umay does so in any case. */
  readonly sessionLog: boolean;
  /** How many sessions must fit. */
  readonly maxSessions: number;
}

/** A TLS-terminating proxy to measure, in one mode. */
export interface Peer {
  /** As on the command line. */
  readonly name: string;
  readonly mode: Mode;
  /** As in the tables. */
  readonly title: string;
  /** umay itself, in whichever checkout. */
  readonly isUmay?: true;
  /** Undefined when it is not installed. */
  version(): string | undefined;
  /** Why there is no version, if that is not because it is not installed. */
  readonly missing?: string;
  /** Writes the configuration into the place's folder, and says how to start the peer in the foreground. */
  prepare(place: Place): Command;
}
