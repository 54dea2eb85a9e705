import { type Backend, type BackendOptions, startBackend } from "./backend.ts";
import { testCertificates } from "./certificates.ts";
import { connectTo, listenersToml, poolToml, type Transport } from "./client.ts";
import type { Peer } from "./peer.ts";
import { settled } from "./settled.ts";
import { type RunningUmay, startUmay } from "./umay.ts";

export interface SceneOptions {
  readonly workers?: number;
  readonly backend?: BackendOptions;
  /** Lines for each listener's table. */
  readonly listener?: string;
  /** Lines for the pool's table. */
  readonly pool?: string;
  /** For Node. */
  readonly nodeArgs?: readonly string[];
}

/** A umay with a listener for each transport, and one backend behind it, in a test's hands. */
export class Scene implements AsyncDisposable {
  readonly umay: RunningUmay;
  readonly backend: Backend;
  readonly #clients: Peer[] = [];

  constructor(umay: RunningUmay, backend: Backend) {
    this.umay = umay;
    this.backend = backend;
  }

  async connect(transport: Transport): Promise<Peer> {
    const client = await connectTo(this.umay, transport);
    this.#clients.push(client);
    return client;
  }

  /** A session: its client, and its connection as the backend has it. */
  async pair(transport: Transport): Promise<[client: Peer, server: Peer]> {
    return [await this.connect(transport), await this.backend.next()];
  }

  /** The same, once umay relays: a byte has gone each way. */
  async relaying(transport: Transport): Promise<[client: Peer, server: Peer]> {
    const [client, server] = await this.pair(transport);
    await server.write("!");
    await client.read(1);
    await client.write("!");
    await server.read(1);
    return [client, server];
  }

  /** After each test: whatever it left open, nothing may stay open in umay. */
  async settle(): Promise<void> {
    for (const client of this.#clients.splice(0)) client[Symbol.dispose]();
    this.backend.drop();
    await settled(this.umay);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.umay[Symbol.asyncDispose]();
    await this.backend[Symbol.asyncDispose]();
  }
}

export async function startScene(options: SceneOptions = {}): Promise<Scene> {
  const backend = await startBackend(options.backend);
  const umay = await startUmay(
    `
    workers = ${options.workers ?? 1}
    log = { level = "debug" }
    [admin]
    bind = "127.0.0.1:0"
    ${listenersToml("scripted", await testCertificates(), options.listener)}
    ${poolToml("scripted", [backend.address], options.pool)}`,
    { nodeArgs: options.nodeArgs ?? [] },
  );
  return new Scene(umay, backend);
}
