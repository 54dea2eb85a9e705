import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { connect } from "node:tls";
import { startBackend } from "./backend/nginx.ts";
import { type Certificate, makeCertificate } from "./certificate.ts";
import { freePort, type Machine } from "./machine.ts";
import type { Options } from "./options.ts";
import type { Peer } from "./peers/peer.ts";
import { accepting, makeFolder, type Running, start } from "./process.ts";

/** The things that every measurement of a run shares. */
export interface Stage {
  /** A temporary folder. */
  readonly folder: string;
  readonly certificate: Certificate;
  readonly backendPort: number;
  /** The same backend, which speaks HTTP/2 there. */
  readonly http2Port: number;
  readonly proxyCpus: readonly number[];
  readonly loadCpus: readonly number[];
  /** How long a measurement at full speed takes, whole seconds, and one at a fixed rate. */
  readonly seconds: { readonly fullSpeed: number; readonly fixedRate: number; readonly warmUp: number };
  /** For the idle experiment. */
  readonly idleSessions: number;
  readonly cipher: string;
  readonly sessionLog: boolean;
}

/** Makes the certificate and starts the backend. */
export async function setStage(
  options: Options,
  { proxyCpus, loadCpus, fileLimit }: Machine,
): Promise<Stage> {
  const folder = makeFolder();
  const room = Math.floor((fileLimit - 1_000) / 2); // Two file descriptors a session, and some to spare.
  const { port, http2Port } = await startBackend(loadCpus.join(","), 1);
  return {
    folder,
    certificate: makeCertificate(folder),
    backendPort: port,
    http2Port,
    proxyCpus,
    loadCpus,
    seconds: secondsFor(options),
    idleSessions: Math.min(options.quick ? 1_000 : 10_000, room),
    cipher: options.cipher,
    sessionLog: options.peerLogs,
  };
}

function secondsFor({ quick, seconds }: Options): Stage["seconds"] {
  if (quick) return { fullSpeed: seconds ?? 1, fixedRate: 0.5, warmUp: seconds ?? 0 };
  return { fullSpeed: seconds ?? 3, fixedRate: 2, warmUp: seconds ?? 6 };
}

/** A peer, and its process that serves throughout the run. */
export interface Target {
  readonly peer: Peer;
  readonly serving: Serving;
}

/** A peer's process that accepts connections. */
export interface Serving {
  readonly running: Running;
  readonly port: number;
  /** From its start to the first accepted connection, in milliseconds. */
  readonly startedIn: number;
  /** Protocol, cipher suite and group that it negotiates. */
  readonly tls: string;
}

export interface Launch {
  readonly workers: number;
  readonly cpus: readonly number[];
  readonly backendPort: number;
  /** How long it may take until it accepts. */
  readonly startSeconds: number;
}

let launches = 0;

const portFor = ({ mode }: Peer, { backendPort, http2Port }: Stage): number =>
  mode === "http2" ? http2Port : backendPort;

/** Starts a peer and resolves when it serves TLS. `stop(serving.running)` ends it. */
export async function launch(peer: Peer, stage: Stage, change: Partial<Launch> = {}): Promise<Serving> {
  const usual = { workers: 1, cpus: stage.proxyCpus, backendPort: portFor(peer, stage), startSeconds: 15 };
  const { workers, cpus, backendPort, startSeconds } = { ...usual, ...change };
  const folder = join(stage.folder, `${peer.name}-${++launches}`);
  mkdirSync(folder);
  const port = await freePort();
  const { certificate, sessionLog, idleSessions } = stage;
  const maxSessions = idleSessions + 100;
  const command = peer.prepare({ folder, port, backendPort, certificate, workers, sessionLog, maxSessions });
  const running = start(command, cpus.join(","), join(folder, "output.log"));
  const startedIn = await accepting(running, port, startSeconds);
  return { running, port, startedIn, tls: await negotiated(port, stage.cipher) };
}

/** Some accept connections before they know what to do with them. */
async function negotiated(port: number, ciphers: string): Promise<string> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await handshake(port, ciphers);
    } catch (error) {
      if (attempt === 50) throw error;
      await sleep(100);
    }
  }
}

function handshake(port: number, ciphers: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      port,
      host: "127.0.0.1",
      rejectUnauthorized: false,
      ciphers,
      ecdhCurve: "X25519",
    });
    socket.setTimeout(5_000, () => socket.destroy(new Error(`no TLS handshake on port ${port} in 5 s`)));
    socket.once("error", reject);
    socket.once("secureConnect", () => {
      const group = socket.getEphemeralKeyInfo();
      const name = group !== null && "name" in group ? group.name : "unknown group";
      resolve(`${socket.getProtocol()}, ${socket.getCipher().standardName}, ${name}`);
      socket.end();
    });
  });
}
