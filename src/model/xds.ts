import type { SocketAddress } from "../lib/address.ts";
import type { PoolTls } from "./pool.ts";

/** A control plane that says over xDS what is served beside the rest of the configuration. */
export interface XdsSettings {
  /** Its servers, tried in turn; at least one. */
  readonly servers: readonly XdsServer[];
  /** Undefined: in the clear. */
  readonly tls: PoolTls | undefined;
  /** Changes alone, or the state of the world. */
  readonly protocol: "delta" | "sotw";
  readonly node: XdsNode;
  /** Whether a start waits for the first complete set. */
  readonly initial: "wait" | "serve";
  /** How long it waits, and how long a listener waits for its routes and secrets, in milliseconds. */
  readonly initialTimeout: number;
  /** The file that keeps the last good state; undefined: none. */
  readonly cache: XdsCache | undefined;
  /** A resource with an extension that umay does not have is refused, or served without it. */
  readonly unknown: "refuse" | "warn";
}

export interface XdsServer {
  readonly target: SocketAddress;
  /** Undefined: it was given by its address. */
  readonly hostName: string | undefined;
}

/** The name by which the control plane knows this umay. */
export interface XdsNode {
  readonly id: string;
  readonly cluster: string;
  readonly metadata?: Readonly<Record<string, unknown>>;
  readonly locality?: { readonly region: string; readonly zone: string; readonly sub_zone: string };
}

/** How secrets stand in the file: not at all, encrypted as all of it, or as they are. */
export type CachedSecrets = "omit" | "encrypt" | "clear";

export interface XdsCache {
  /** Absolute path. */
  readonly file: string;
  readonly secrets: CachedSecrets;
  /** Absolute path of a file with the key, 32 bytes; undefined unless encrypted. */
  readonly keyFile: string | undefined;
}
