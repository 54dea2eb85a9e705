import { createServer, type Server, type Socket } from "node:net";
import { acceptBacklog, tcpOptions } from "../sockets/options.ts";

/** The sockets of one address, and what came to them before it is served. */
interface Place {
  readonly servers: Server[];
  readonly waiting: Socket[];
  /** Whoever is to serve them. */
  accept: ((socket: Socket) => void) | undefined;
  begun: boolean;
}

/**
 * Listening sockets that this worker has from the umay that it takes over from. They accept from the first moment on,
 * because nothing in them may be lost: what comes before the first state is served waits for it.
 */
export class TakenServers {
  readonly #places = new Map<string, Place>();
  /** Whether a socket that is accepted is read at once by whoever gets it. */
  readonly #readsItself: boolean;
  #waiting = 0;

  /** @param readsItself whether whoever accepts begins to read, as for sockets that may move to another thread. */
  constructor(readsItself: boolean) {
    this.#readsItself = readsItself;
  }

  /** @param address as text, canonical. @param received is listening. */
  add(address: string, received: Server): void {
    const place = this.#places.get(address) ?? { servers: [], waiting: [], accept: undefined, begun: false };
    const server = createServer({ ...tcpOptions, pauseOnConnect: true }, (socket) =>
      this.#came(place, socket),
    );
    server.listen(received, acceptBacklog);
    place.servers.push(server);
    this.#places.set(address, place);
  }

  #came(place: Place, socket: Socket): void {
    if (place.begun) this.#hand(place, socket);
    // As many as the kernel would keep.
    else if (this.#waiting >= acceptBacklog) socket.destroy();
    else {
      this.#waiting++;
      place.waiting.push(socket);
    }
  }

  #hand({ accept }: Place, socket: Socket): void {
    if (!this.#readsItself) socket.read(0);
    accept!(socket);
  }

  /** Gives the sockets of an address away, which accept from {@link begin} on. @returns none where there are none. */
  adopt(address: string, accept: (socket: Socket) => void): readonly Server[] {
    const place = this.#places.get(address);
    if (place === undefined) return [];
    place.accept = accept;
    return place.servers;
  }

  /** The first state is served: what waits is accepted. Sockets that nobody wanted are closed. */
  begin(): void {
    for (const place of this.#places.values()) {
      place.begun = true;
      if (place.accept === undefined) for (const server of place.servers) server.close();
      for (const socket of place.waiting.splice(0))
        if (place.accept === undefined) socket.destroy();
        else this.#hand(place, socket);
    }
    this.#places.clear();
    this.#waiting = 0;
  }
}
