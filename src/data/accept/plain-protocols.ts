/*
 * Names what a client speaks that begins without TLS where TLS is expected, so that the log says what to do. Only a
 * client's first bytes are looked at, and as many of them as a reader has.
 */

interface PlainProtocol {
  readonly name: string;
  /** @param text the bytes as Latin-1, in upper case. */
  readonly begins: (bytes: Buffer, text: string) => boolean;
  /** Says what to do; follows the name. */
  readonly advice: string;
}

/** Most bytes that a protocol is told by. */
const looked = 64;

const starts =
  (...words: readonly string[]) =>
  (_: Buffer, text: string): boolean =>
    words.some((word) => text.startsWith(word));

const is =
  (...bytes: readonly (number | undefined)[]) =>
  (all: Buffer): boolean =>
    all.length >= bytes.length && bytes.every((byte, index) => byte === undefined || all[index] === byte);

const tlsPort = (port: string): string =>
  `umay begins TLS at once and not in the protocol: have the client use implicit TLS, as on port ${port}`;

/** Commands that may come first of all, behind a tag. */
const imapCommand = /^[!-~]{1,16} (?:CAPABILITY|STARTTLS|LOGIN|AUTHENTICATE|NOOP|ID) ?/;

const protocols: readonly PlainProtocol[] = [
  {
    name: "PostgreSQL",
    // SSLRequest, GSSENCRequest, CancelRequest, or a startup message of version 3.
    begins: (bytes) =>
      bytes.length >= 8 &&
      bytes.readUInt16BE(0) === 0 &&
      (bytes.readUInt16BE(4) === 1234 || bytes.readUInt16BE(4) === 3),
    advice: 'set tls.starttls = "postgres"',
  },
  {
    name: "LDAP",
    begins: (bytes) => ldapOperation(bytes) !== undefined,
    advice: tlsPort("636"),
  },
  { name: "HTTP/2", begins: starts("PRI * HTTP/2.0"), advice: "have the client use https" },
  { name: "XMPP", begins: starts("<?XML", "<STREAM:STREAM"), advice: tlsPort("5223") },
  { name: "SMTP", begins: starts("EHLO ", "HELO ", "LHLO "), advice: tlsPort("465") },
  {
    name: "IMAP",
    begins: (_, text) => imapCommand.test(text) || text.startsWith("* CAPABILITY") || text.startsWith("* OK"),
    advice: tlsPort("993"),
  },
  { name: "FTP", begins: starts("AUTH TLS", "AUTH SSL", "FEAT\r\n"), advice: tlsPort("990") },
  { name: "POP3", begins: starts("CAPA\r\n", "STLS\r\n", "APOP "), advice: tlsPort("995") },
  {
    name: "POP3 or FTP",
    begins: starts("USER "),
    advice: "umay begins TLS at once and not in the protocol: have the client use implicit TLS",
  },
  {
    name: "a PROXY protocol header",
    begins: (bytes, text) => text.startsWith("PROXY ") || bytes.toString("latin1", 0, 12) === proxyV2,
    advice: "set proxy_protocol on the listener, with the proxy in trust",
  },
  {
    name: "MQTT",
    begins: (bytes, text) =>
      bytes[0] === 0x10 && (text.indexOf("MQTT") === 4 || text.indexOf("MQISDP") === 4),
    advice: "have the client use TLS (mqtts), as on port 8883",
  },
  { name: "AMQP", begins: starts("AMQP"), advice: "have the client use TLS (amqps), as on port 5671" },
  { name: "Redis", begins: redis, advice: "have the client use TLS (rediss)" },
  { name: "SSH", begins: starts("SSH-"), advice: "SSH has no TLS: give it a listener without tls" },
  {
    name: "RDP",
    begins: is(3, 0, undefined, undefined, undefined, 0xe0),
    advice: "it asks for TLS in its own way: give it a listener without tls",
  },
  {
    name: "SQL Server (TDS)",
    begins: is(0x12, 0x01, 0),
    advice: "it has TLS inside its own packets: give it a listener without tls",
  },
];

const proxyV2 = "\r\n\r\n\0\r\nQUIT\n";

function redis(_: Buffer, text: string): boolean {
  const [, second] = text.split("\r\n", 2);
  return text.startsWith("*") && second?.startsWith("$") === true;
}

/**
 * The tag of an LDAPMessage's operation, if it is one that comes first: a BindRequest, a SearchRequest or an
 * ExtendedRequest, of which one asks for TLS (RFC 4511 section 4).
 */
function ldapOperation(bytes: Buffer): number | undefined {
  if (bytes.length < 2 || bytes[0] !== 0x30) return undefined;
  const message = 2 + ((bytes[1]! & 0x80) === 0 ? 0 : bytes[1]! & 0x7f);
  if (bytes[message] !== 2 || bytes[message + 1] === undefined) return undefined;
  const operation = bytes[message + 2 + bytes[message + 1]!];
  return operation === 0x60 || operation === 0x63 || operation === 0x77 ? operation : undefined;
}

/** @returns which protocol a client speaks and what to do, for the log; undefined where it is none that is known. */
export function describePlain(bytes: Buffer): string | undefined {
  const head = bytes.subarray(0, looked);
  const text = head.toString("latin1").toUpperCase();
  const found = protocols.find(({ begins }) => begins(head, text));
  return found && `${found.name} without TLS; ${found.advice}`;
}

/** Time in which the log tells of a protocol once for a listener, in milliseconds: scanners speak them all. */
const newsEvery = 60_000;
const told = new Map<string, number>();

/** Whether the log is to tell that clients of a listener speak this. @param now by performance.now(). */
export function isNews(listener: string, description: string, now: number): boolean {
  const key = `${listener} ${description}`;
  const last = told.get(key);
  if (last !== undefined && now - last < newsEvery) return false;
  told.set(key, now);
  return true;
}

/** For a client that sent nothing in time. */
export const silence =
  "the client sent nothing; so do clients of protocols in which the server speaks first (MySQL, SMTP, IMAP, POP3, FTP) until they are greeted, which TLS does not do";
