import { randomInt } from "node:crypto";
import dns, { type Answer, type DecodedPacket } from "dns-packet";
import { canonicalName } from "../host-name.ts";

export type QuestionType = "A" | "AAAA" | "SRV" | "TXT";

/** A message that asks one question, with the values that its reply must repeat. */
export interface Query {
  readonly id: number;
  readonly name: string;
  readonly type: QuestionType;
  readonly bytes: Buffer;
}

/** A packet of this size passes through any network in one piece (DNS flag day 2020), in bytes. */
const udpPayloadSize = 1_232;
const headerSize = 12;

/** RFC 1035 section 2.3.4, with lengths in bytes. */
export function fitsDns(name: string): boolean {
  const labels = name.split(".").map((label) => Buffer.byteLength(label));
  return Buffer.byteLength(name) <= 253 && labels.every((length) => length >= 1 && length <= 63);
}

/**
 * @param name canonical, and one that {@link fitsDns}.
 * @param extended with EDNS(0), RFC 6891, which lets answers be larger than 512 bytes.
 */
export function createQuery(name: string, type: QuestionType, extended: boolean): Query {
  const id = randomInt(65_536);
  const opt = { type: "OPT", name: ".", udpPayloadSize, extendedRcode: 0, ednsVersion: 0, flags: 0 } as const;
  const bytes = dns.encode({
    type: "query",
    id,
    flags: dns.RECURSION_DESIRED,
    questions: [{ type, name, class: "IN" }],
    additionals: extended ? [{ ...opt, flag_do: false, options: [] }] : [],
  });
  return { id, name, type, bytes };
}

/** The records that umay understands; names in them are canonical. */
export type DnsRecord = {
  readonly name: string;
  /** In seconds, up to 2^32 - 1 (RFC 8767 section 4). */
  readonly ttl: number;
} & (
  | { readonly type: "A" | "AAAA"; readonly data: string }
  | { readonly type: "CNAME"; readonly data: string }
  | { readonly type: "SRV"; readonly data: SrvData }
  /** Its strings in one (RFC 7208 section 3.3), each byte a character. */
  | { readonly type: "TXT"; readonly data: string }
);

/** RFC 2782. */
export interface SrvData {
  readonly priority: number;
  readonly weight: number;
  readonly port: number;
  /** Canonical; empty when the service says that it is not available. */
  readonly target: string;
}

/** The useful part of a reply. */
export interface Reply {
  /** The code's name, or its number where the name is not known here. */
  readonly rcode: string;
  readonly truncated: boolean;
  readonly answers: readonly DnsRecord[];
  readonly additionals: readonly DnsRecord[];
  /** The reply says that there are no more records (RFC 2308 section 2.2). */
  readonly negative: boolean;
  /** The server does not recurse: it only names other servers that may know. */
  readonly referral: boolean;
}

const rcodes = ["NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"];

/**
 * Reads a message from the server. Only a host that has seen the query knows its id and its port (RFC 5452), so a message
 * that does not fit counts as forged.
 * @returns undefined when the message is no reply to this query; the right one may still come.
 * @throws when the reply can't be read.
 */
export function readReply(bytes: Buffer, { id, name, type }: Query): Reply | undefined {
  if (bytes.length < headerSize || bytes.readUInt16BE(0) !== id) return undefined;
  const packet = decode(bytes);
  const reply = replyOf(packet);
  const { questions = [] } = packet;
  const [question] = questions;
  if (packet.type !== "response") return undefined;
  // Servers that do not understand a query need not repeat it.
  if (question === undefined) return isAnswer(reply) ? undefined : reply;
  const same = canonicalName(question.name) === name && question.type === type && question.class === "IN";
  return same && questions.length === 1 ? reply : undefined;
}

/** Whether the reply is about the name (which may not exist), not about the server. */
export function isAnswer({ rcode }: Reply): boolean {
  return rcode === "NOERROR" || rcode === "NXDOMAIN";
}

function decode(bytes: Buffer): DecodedPacket {
  try {
    return dns.decode(bytes);
  } catch (error) {
    throw new Error("malformed answer", { cause: error });
  }
}

function replyOf(packet: DecodedPacket): Reply {
  const { answers = [], authorities = [], additionals = [], flags = 0 } = packet;
  const opt = additionals.find((record) => record.type === "OPT");
  // RFC 6891 section 6.1.3: the upper eight bits are there.
  const code = ((opt?.extendedRcode ?? 0) << 4) | (flags & 15);
  const negative = authorities.some(({ type }) => type === "SOA");
  const elsewhere = !negative && authorities.some(({ type }) => type === "NS");
  return {
    rcode: rcodes[code] ?? `RCODE ${code}`,
    truncated: packet.flag_tc,
    answers: answers.flatMap(recordOf),
    additionals: additionals.flatMap(recordOf),
    negative,
    referral: code === 0 && !packet.flag_aa && answers.length === 0 && elsewhere,
  };
}

function recordOf(record: Answer): DnsRecord[] {
  if (!("class" in record) || record.class !== "IN") return [];
  const name = canonicalName(record.name);
  const { ttl = 0 } = record;
  switch (record.type) {
    case "A":
    case "AAAA":
      return [{ name, ttl, type: record.type, data: record.data }];
    case "CNAME":
      return [{ name, ttl, type: record.type, data: canonicalName(record.data) }];
    case "SRV": {
      const { priority = 0, weight = 0, port, target } = record.data;
      return [
        { name, ttl, type: record.type, data: { priority, weight, port, target: canonicalName(target) } },
      ];
    }
    case "TXT":
      return [{ name, ttl, type: record.type, data: [record.data].flat().map(latin1).join("") }];
    default:
      return [];
  }
}

const latin1 = (text: string | Buffer): string => Buffer.from(text as string).toString("latin1");
