import type { Server, Socket } from "node:net";
import type { ListeningSocket } from "../../channel/messages.ts";
import { canonicalAddress, formatAddress, type SocketAddress } from "../../lib/address.ts";
import { descriptorOf } from "../../lib/descriptor.ts";
import { hashString } from "../../lib/hash.ts";
import { setSocketRights } from "../../lib/socket-file.ts";
import { leavePath } from "../../lib/socket-place.ts";
import type { PlacedListener } from "../../model/snapshot.ts";
import { openServers } from "./servers.ts";
import type { TakenServers } from "./taken.ts";

/** A listener as a worker serves it. */
interface Served {
  readonly definition: PlacedListener;
}

/** The worker whose sockets listen. */
export interface ListeningWorker<L extends Served> {
  /** Its index, from 0, and how many there are. */
  readonly worker: { readonly index: number; readonly count: number };
  readonly onConnection: (listener: L, socket: Socket) => void;
  /** Of a listening socket. */
  readonly onServerError: (error: Error) => void;
  /** Listening sockets that this worker was given. */
  readonly taken: Pick<TakenServers, "adopt">;
}

/** A listener with this worker's listening sockets, which stay open while what is served there is replaced. */
export class OpenListener<L extends Served> {
  /** The listener that new connections get. */
  served: L;
  readonly #worker: ListeningWorker<L>;
  #servers: readonly Server[] = [];

  private constructor(served: L, worker: ListeningWorker<L>) {
    this.served = served;
    this.#worker = worker;
  }

  /**
   * With addresses that need no look-up, that takes no turn of the event loop: nobody is accepted before whoever waits
   * for this goes on.
   * @throws an error that names listener and address.
   */
  static async open<L extends Served>(served: L, worker: ListeningWorker<L>): Promise<OpenListener<L>> {
    const open = new OpenListener(served, worker);
    if (accepts(served.definition, worker)) await open.#listen(served.definition);
    return open;
  }

  async #listen(definition: PlacedListener): Promise<void> {
    const { worker, onConnection, onServerError } = this.#worker;
    const accept = (socket: Socket): void => onConnection(this.served, socket);
    const taken = new Map(definition.addresses.map((address) => [address, this.#takenAt(address, accept)]));
    const missing = definition.addresses.filter((address) => taken.get(address)!.length === 0);
    const own = await openServers(
      { ...definition, addresses: missing },
      accept,
      onServerError,
      definition.accept === "shared-port" && worker.count > 1,
      () => this.served.definition.socket,
    );
    this.#servers = [...[...taken.values()].flat(), ...own];
  }

  #takenAt(address: SocketAddress, accept: (socket: Socket) => void): readonly Server[] {
    const { taken, onServerError } = this.#worker;
    const servers = taken.adopt(formatAddress(canonicalAddress(address)), accept);
    for (const server of servers) server.on("error", onServerError);
    return servers;
  }

  /** The place of its sockets, see {@link placeOf}. */
  get place(): string {
    return placeOf(this.served.definition);
  }

  /** Gives the file of a unix socket the rights that another definition of it asks for. @throws where it can't have them. */
  setRights({ bind, socket }: PlacedListener): void {
    if (bind.kind === "unix" && socket !== undefined && this.#servers.length > 0)
      setSocketRights(bind.path, socket);
  }

  /** Its listening sockets of TCP that the kernel spreads connections over. */
  get sockets(): readonly ListeningSocket[] {
    const { name, accept } = this.served.definition;
    return accept === "shared-port" ? this.#servers.flatMap((server) => socketsOf(name, server)) : [];
  }

  close(): void {
    for (const server of this.#servers) server.close();
  }

  /** Closes them; resolves when whoever waited in the queues of unix sockets was accepted. */
  async leave(): Promise<void> {
    await Promise.all(this.#servers.map((server) => leavePath(server).then(() => server.close())));
  }
}

/** The place of a listener's sockets, as text: one at the same place can have them, whatever it is called. */
export const placeOf = ({ accept, addresses }: PlacedListener): string =>
  [accept, ...addresses.map(placeOfAddress)].join(" ");

const placeOfAddress = (address: SocketAddress): string =>
  formatAddress(address) + (address.kind === "tcp" && address.v6Only ? " without IPv4" : "");

/** An address that only one worker can have stays with that one, whatever its listener is called. */
function accepts(
  { accept, addresses: [first] }: PlacedListener,
  { worker: { index, count } }: Pick<ListeningWorker<Served>, "worker">,
): boolean {
  if (accept === "one-worker") return (hashString(formatAddress(first!), 0) >>> 0) % count === index;
  return accept === "shared-port";
}

function socketsOf(listener: string, server: Server): ListeningSocket[] {
  const bound = server.address();
  const descriptor = descriptorOf(server);
  if (bound === null || typeof bound === "string" || descriptor === undefined) return [];
  const address = formatAddress(canonicalAddress({ kind: "tcp", host: bound.address, port: bound.port }));
  return [{ listener, address, descriptor }];
}
