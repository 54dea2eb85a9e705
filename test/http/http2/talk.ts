import { clientSideLimits } from "../../../src/http/http2/limits.ts";
import { ServerConnection } from "../../../src/http/http2/server-connection.ts";
import { drainOutput, RecordingServer, responseHead, terms } from "./support.ts";
import { hello, Listener } from "./wire.ts";

/** A server without a socket, and a client that says what it likes. */
export class Talk {
  readonly owner = new RecordingServer();
  readonly server: ServerConnection;
  readonly listener = new Listener();
  now = 0;

  constructor(limits = clientSideLimits, tunnels = true) {
    this.server = new ServerConnection(limits, { ...terms, tunnels }, this.owner, 0);
  }

  /** The client has said hello. */
  static begun(): Talk {
    const talk = new Talk();
    talk.send(hello);
    return talk;
  }

  /** @param reads the bytes of each read. @returns the frames of the answer. */
  send(...reads: readonly Buffer[]): string[] {
    for (const bytes of reads) this.server.receive(Buffer.from(bytes), 0, bytes.length, this.now);
    return this.hear();
  }

  /** @returns the frames that the server has to send now. */
  hear(): string[] {
    return this.listener.hear(drainOutput(this.server));
  }

  /** Answers the last request with so many bytes. */
  answer(bytes: number, last = true): void {
    const { stream } = this.owner.requests.at(-1)!;
    stream.response(responseHead(200), false);
    stream.body(Buffer.alloc(bytes), 0, bytes, last);
  }
}
