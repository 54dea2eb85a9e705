import * as z from "zod";
import { protocols } from "../../../model/chain.ts";
import { listenerAcme } from "./acme.ts";
import { clientAuth } from "./client-auth.ts";
import { httpKeys, httpTimeouts } from "./http/listener.ts";
import { cidrs, limits } from "./limits.ts";
import {
  address,
  applicationProtocols,
  duration,
  integer,
  path,
  serverNamePattern,
  starttls,
} from "./values.ts";

const certificate = z.strictObject({
  cert: path.describe("The certificate chain, PEM: the server's own certificate first, then its issuers."),
  key: path.describe("The private key that belongs to the first certificate, PEM, not encrypted."),
});

const version = z.enum(["TLSv1.2", "TLSv1.3"]);

const tls = z.strictObject({
  min_version: version.prefault("TLSv1.2").describe("The oldest TLS version that is spoken."),
  max_version: version.prefault("TLSv1.3").describe("The newest TLS version that is spoken."),
  ciphers: z.string({ error: "expected OpenSSL cipher names, separated by colons" }).optional().meta({
    description:
      "OpenSSL cipher names, separated by colons, in order of preference. A list that names no TLS 1.3 suite leaves those of TLS 1.3 as they are.",
    "x-default": "the AEAD ones, with forward secrecy",
  }),
  groups: z
    .array(z.string({ error: "expected the name of a group" }), { error: "expected a list of groups" })
    .min(1, { error: "expected at least one group" })
    .optional()
    .meta({
      description: "Key-exchange groups in order of preference.",
      "x-default": "X25519MLKEM768 where OpenSSL has it, X25519, P-256, P-384; with client_auth P-521 too",
    }),
  alpn: applicationProtocols.describe(
    "Application protocols (ALPN) in order of preference. Empty: none is negotiated.",
  ),
  starttls: starttls.meta({
    description:
      "The protocol that begins in the clear and asks for TLS. Clients that begin with TLS are served, too.",
    "x-default": "TLS begins at once",
  }),
  starttls_plain: z.enum(["refuse", "pass"], { error: 'expected "refuse" or "pass"' }).optional().meta({
    description:
      "Clients of the protocol of starttls that go on without TLS are refused, or passed on to the pool in the clear.",
    "x-default": '`"refuse"`',
  }),
  certificates: z
    .array(certificate, { error: "expected [[listeners.<name>.tls.certificates]] with cert and key" })
    .min(1, { error: "expected at least one certificate" })
    .optional()
    .meta({
      description:
        "The server name chooses one (exact, then wildcard), without a name the address. The first is the default.",
      "x-default": "required without `acme`",
    }),
  acme: listenerAcme
    .optional()
    .describe("Certificates that umay gets itself, from the authority of [acme], and renews."),
  strict_sni: z
    .boolean({ error: "expected true or false" })
    .prefault(false)
    .describe(
      "Refuse clients that ask for a name that no certificate covers, or for no name, unless a certificate covers the address that they connected to.",
    ),
  client_auth: clientAuth
    .optional()
    .describe("Asks clients for certificates and verifies them before any backend is connected."),
  session_tickets: z
    .strictObject({
      enabled: z
        .boolean({ error: "expected true or false" })
        .prefault(true)
        .describe("Whether clients may resume sessions with tickets. All workers share one key."),
      rotate: duration("1s", "7d")
        .prefault("12h")
        .describe("How long a key is used. With a new one, each client makes one full handshake."),
      keys_file: path
        .optional()
        .describe(
          "A file with the key (48 random bytes, or their base64), for machines that share it. The key is used until the file changes; rotate has no effect then.",
        ),
    })
    .prefault({})
    .describe("Resumption of TLS sessions."),
});

const timeouts = z.strictObject({
  handshake: duration("1ms").prefault("10s").describe("Time that a client has to finish its TLS handshake."),
  idle: duration("1ms").optional().meta({
    description:
      "A session, or with http a request, ends after this time without a byte in either direction.",
    "x-default": '`"1h"`, with http `"5m"`',
  }),
  half_close: duration("1ms")
    .prefault("60s")
    .describe("Time that one side has to end its direction after the other side has ended its own."),
  ...httpTimeouts,
  stall: duration("1ms")
    .prefault("60s")
    .describe("A session ends when bytes wait for one side, which takes none of them for this time."),
});

const route = z.strictObject({
  sni: z
    .array(serverNamePattern, {
      error: 'expected a list of names, such as ["api.example.com", "*.example.com"]',
    })
    .prefault([])
    .describe('Server names; "*.example.com" is every name below example.com.'),
  alpn: z
    .array(z.string({ error: "expected a protocol's name" }).min(1), {
      error: 'expected a list, such as ["h2"]',
    })
    .prefault([])
    .describe(
      "Application protocols: the one that was negotiated, or any that is offered where TLS is passed through.",
    ),
  protocol: z
    .array(z.enum(protocols))
    .prefault([])
    .describe("The protocol that the client speaks; needs detect = true."),
  pool: z.string({ error: "expected the name of a pool" }).describe("The pool that gets these sessions."),
  passthrough: z
    .boolean({ error: "expected true or false" })
    .prefault(false)
    .describe("Pass TLS on to the backend unchanged instead of terminating it."),
});

const modeExpected = 'expected permission bits as text, such as "0660"';

/** Becomes a number. */
const mode = z
  .string({ error: modeExpected })
  .regex(/^0?[0-7]{3}$/, { error: modeExpected })
  .transform((text) => Number.parseInt(text, 8))
  .meta({ "x-type": "permission bits" });

const account = z.union([integer(0, 4_294_967_294), z.string().min(1)], {
  error: "expected a name or a number",
});

const socket = z.strictObject({
  mode: mode.optional().meta({
    description: "Permission bits of the socket's file; whoever may write to it may connect.",
    "x-default": '"0777" less the umask',
  }),
  user: account.optional().meta({
    description:
      "The user that the file belongs to, by name or number. Only root may give it to another one.",
    "x-default": "the one that umay runs as",
  }),
  group: account.optional().meta({
    description: "The group that the file belongs to, by name or number.",
    "x-default": "the one that umay runs as",
  }),
});

export const listener = z.strictObject({
  bind: address(0).describe(
    'The address that clients connect to: "host:port", "[v6]:port" or "unix:/path". Port 0 picks a free port and logs it.',
  ),
  v6_only: z.boolean({ error: "expected true or false" }).optional().meta({
    description:
      "Of a bind to every IPv6 address: take no IPv4, so that another listener can have 0.0.0.0 on this port.",
    "x-default": '`false`: `"[::]:443"` takes IPv4 too',
  }),
  socket: socket.optional().describe("Users who may connect, where bind is a unix socket with a file."),
  mode: z
    .enum(["tcp", "passthrough", "http"])
    .prefault("tcp")
    .describe(
      "tcp: bytes are relayed as they come, behind TLS where there is a tls table. passthrough: TLS is not terminated; routes get name and protocol from its first message. http: requests go to the routes of [routes.<name>], after these routes have had what is theirs.",
    ),
  pool: z.string({ error: "expected the name of a pool" }).optional().meta({
    description:
      "The pool that gets this listener's sessions, or with http the requests that no route takes.",
    "x-default": 'required but for `mode = "http"`',
  }),
  routes: z
    .array(route, { error: "expected tables [[listeners.<name>.routes]]" })
    .prefault([])
    .describe("Rules that send some sessions to another pool. The first route that matches wins."),
  detect: z
    .boolean({ error: "expected true or false" })
    .prefault(false)
    .describe(
      "Detect TLS, HTTP/1 and HTTP/2 by the first bytes. Everything else counts as other, and so does a client that sends nothing within 1 s.",
    ),
  proxy_protocol: z
    .strictObject({
      trust: cidrs
        .min(1, {
          error: 'the list is empty; name the proxies in front, or "0.0.0.0/0" and "::/0" for everybody',
        })
        .describe("Proxies whose header is believed. Other peers are refused."),
      timeout: duration("1ms").prefault("3s").describe("Time that a proxy has to send its header."),
    })
    .optional()
    .describe(
      "Proxies in front send a PROXY protocol header, version 1 or 2, before anything else. With this table the header is required, and its client address counts.",
    ),
  max_connections: integer(1, 1_000_000).optional().meta({
    description: "The most connections at a time. More are refused and counted.",
    "x-default": "from the process's file limit",
  }),
  max_connection_age: duration("1s").optional().meta({
    description:
      "After this time, ±10 %, a session ends as soon as it is quiet for a second, and at twice this time or a minute later at the latest. With http the connection is closed in order, behind an answer.",
    "x-default": "no limit",
  }),
  ...limits,
  ...httpKeys,
  timeouts: timeouts.prefault({}).describe("Time limits of a session."),
  tls: tls.optional().describe("Terminates TLS. Without this table the listener speaks plain TCP."),
});

export type ListenerSettings = z.output<typeof listener>;
export type SocketSettings = z.output<typeof socket>;
export type TlsSettings = z.output<typeof tls>;
