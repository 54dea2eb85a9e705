import { createSocket, type RemoteInfo, type Socket as UdpSocket } from "node:dgram";
import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import dns, { type Answer, type DecodedPacket, type Packet, type RecordType } from "dns-packet";

/** How one name and type is answered. */
export interface DnsReply {
  readonly rcode: keyof typeof rcodes;
  readonly answers: readonly Answer[];
  readonly authorities: readonly Answer[];
  readonly additionals: readonly Answer[];
  /** Besides the usual ones. */
  readonly flags: number;
  /** Over UDP, these are sent first, as they are. */
  readonly before: readonly Buffer[];
  /** The reply is sent when this has resolved. */
  readonly after: Promise<unknown>;
  /** Over UDP, only the TC bit is sent, however short the answer is. */
  readonly truncated: boolean;
  /** Over TCP, the connection ends before the last byte. */
  readonly cut: boolean;
}

/** A reply that depends on the query; `peer` is where a query over UDP came from. */
export type DnsReplier = (query: DecodedPacket, peer: RemoteInfo | undefined) => Partial<DnsReply>;

export interface DnsQuery {
  readonly name: string;
  readonly type: RecordType;
  readonly transport: "udp" | "tcp";
}

const rcodes = { NOERROR: 0, FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, NOTIMP: 4, REFUSED: 5 } as const;

const empty: DnsReply = {
  rcode: "NOERROR",
  answers: [],
  authorities: [],
  additionals: [],
  flags: 0,
  before: [],
  after: Promise.resolve(),
  truncated: false,
  cut: false,
};

/** A DNS server that says what a test tells it to, over UDP and TCP on one port of 127.0.0.1. */
export class DnsServer implements AsyncDisposable {
  /** Every query so far, also those that were not answered. */
  readonly queries: DnsQuery[] = [];
  readonly #replies = new Map<string, DnsReplier | "silence">();
  readonly #waiting: { readonly count: number; readonly resolve: () => void }[] = [];
  readonly #connections = new Set<Socket>();
  #closed = false;
  readonly #udp: UdpSocket;
  readonly #tcp: Server;

  constructor(udp: UdpSocket, tcp: Server) {
    this.#udp = udp;
    this.#tcp = tcp;
    udp.on("message", (message, peer) => {
      const query = dns.decode(message);
      void this.#reply(query, peer, (reply) => {
        for (const bytes of reply.before) udp.send(bytes, peer.port, peer.address);
        udp.send(dns.encode(encodeReply(query, reply, "udp")), peer.port, peer.address);
      });
    });
    tcp.on("connection", (socket) => this.#serve(socket));
  }

  /** `ip:port`, as `nameservers` has it. */
  get address(): string {
    return `127.0.0.1:${this.#udp.address().port}`;
  }

  /** From now on, queries for this name and type get these addresses. */
  answer(name: string, type: "A" | "AAAA", addresses: readonly string[], ttl = 60): void {
    this.reply(name, type, { answers: addresses.map((data) => ({ name, type, ttl, data })) });
  }

  /** From now on, queries for this name and type get this reply; what it leaves out is an empty success. */
  reply(name: string, type: RecordType, reply: Partial<DnsReply> | DnsReplier | "silence"): void {
    this.#replies.set(keyOf(name, type), typeof reply === "object" ? () => reply : reply);
  }

  /** Resolves as soon as this many queries have come since the start. */
  async queried(count: number): Promise<void> {
    if (this.queries.length >= count) return;
    await new Promise<void>((resolve) => this.#waiting.push({ count, resolve }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    for (const connection of this.#connections) connection.destroy();
    const closed = [once(this.#udp, "close"), once(this.#tcp, "close")];
    this.#udp.close();
    this.#tcp.close();
    await Promise.all(closed);
  }

  #serve(socket: Socket): void {
    this.#connections.add(socket);
    socket.on("close", () => this.#connections.delete(socket));
    socket.on("error", () => socket.destroy());
    let pending = Buffer.alloc(0);
    socket.on("data", (chunk) => {
      pending = Buffer.concat([pending, chunk]);
      while (pending.length >= 2 && pending.length >= 2 + pending.readUInt16BE(0)) {
        const end = 2 + pending.readUInt16BE(0);
        const query = dns.decode(pending.subarray(2, end));
        void this.#reply(query, undefined, (reply) => {
          const bytes = dns.streamEncode(encodeReply(query, reply, "tcp"));
          if (reply.cut) socket.end(bytes.subarray(0, -1));
          else socket.write(bytes);
        });
        pending = pending.subarray(end);
      }
    });
  }

  async #reply(
    query: DecodedPacket,
    peer: RemoteInfo | undefined,
    send: (reply: DnsReply) => void,
  ): Promise<void> {
    const question = query.questions?.[0];
    if (question === undefined) return;
    const transport = peer === undefined ? "tcp" : "udp";
    this.queries.push({ name: question.name, type: question.type, transport });
    for (const { count, resolve } of this.#waiting) if (this.queries.length >= count) resolve();
    const replier = this.#replies.get(keyOf(question.name, question.type));
    if (replier === "silence") return;
    const reply = replier ? { ...empty, ...replier(query, peer) } : this.#unknown(question.name);
    await reply.after;
    if (!this.#closed) send(reply);
  }

  /** A name that has a record of another type exists. */
  #unknown(name: string): DnsReply {
    const exists = (["A", "AAAA", "SRV"] as const).some((type) => this.#replies.has(keyOf(name, type)));
    return { ...empty, rcode: exists ? "NOERROR" : "NXDOMAIN" };
  }
}

/** @returns a server that answers NXDOMAIN to everything until it is told otherwise. */
export async function startDnsServer(): Promise<DnsServer> {
  for (;;) {
    const udp = createSocket("udp4").bind(0, "127.0.0.1");
    await once(udp, "listening");
    const tcp = createServer().listen(udp.address().port, "127.0.0.1");
    try {
      await once(tcp, "listening");
      return new DnsServer(udp, tcp);
    } catch {
      // Another process has the TCP port of the same number.
      udp.close();
    }
  }
}

function keyOf(name: string, type: RecordType): string {
  return `${name.toLowerCase()} ${type}`;
}

function encodeReply(query: DecodedPacket, reply: DnsReply, transport: "udp" | "tcp"): Packet {
  const packet: Packet = {
    type: "response",
    id: query.id!,
    flags: dns.RECURSION_DESIRED | dns.RECURSION_AVAILABLE | reply.flags | rcodes[reply.rcode],
    questions: query.questions!,
    answers: [...reply.answers],
    authorities: [...reply.authorities],
    additionals: [...reply.additionals],
  };
  const edns = query.additionals?.find((record) => record.type === "OPT");
  const room = edns?.udpPayloadSize ?? 512;
  if (transport === "tcp" || (!reply.truncated && dns.encodingLength(packet) <= room)) return packet;
  return { ...packet, flags: packet.flags! | dns.TRUNCATED_RESPONSE, answers: [], additionals: [] };
}
