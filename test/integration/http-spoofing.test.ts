import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { poolToml } from "../support/client.ts";
import { HttpClient } from "../support/http-client.ts";
import { type RunningUmay, startUmay } from "../support/umay.ts";
import { NodeServer } from "../support/web-servers.ts";

const peer = "127.0.0.1";
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** The value of a field that a backend is to see: this one, none, or a match. */
type Expected = string | undefined | RegExp;

interface Attempt {
  readonly name: string;
  /** Lines of the client's head. */
  readonly lines: readonly string[];
  /** From a peer that nobody trusts; a number: the status, and the backend sees nothing. */
  readonly untrusted: Readonly<Record<string, Expected>> | number;
  /** From one that is trusted; without it, the same. */
  readonly trusted?: Readonly<Record<string, Expected>> | number;
}

const own = {
  "x-forwarded-for": peer,
  "x-forwarded-proto": "http",
  "x-forwarded-host": "a.example:80",
} as const;

const attempts: readonly Attempt[] = [
  { name: "no field at all", lines: [], untrusted: { ...own, "x-request-id": uuid, forwarded: undefined } },
  {
    name: "X-Forwarded-For",
    lines: ["X-Forwarded-For: 198.51.100.1"],
    untrusted: own,
    trusted: { "x-forwarded-for": `198.51.100.1, ${peer}` },
  },
  {
    name: "X-Forwarded-For three times",
    lines: [
      "X-Forwarded-For: 198.51.100.1",
      "x-forwarded-for: 198.51.100.2",
      "X-FORWARDED-FOR: 198.51.100.3",
    ],
    untrusted: own,
    trusted: { "x-forwarded-for": `198.51.100.1, 198.51.100.2, 198.51.100.3, ${peer}` },
  },
  {
    name: "X-Forwarded-For with what is no address",
    lines: ["X-Forwarded-For: <script>, 198.51.100.1"],
    untrusted: own,
    trusted: { "x-forwarded-for": `<script>, 198.51.100.1, ${peer}` },
  },
  {
    name: "X-Forwarded-Proto",
    lines: ["X-Forwarded-Proto: https"],
    untrusted: own,
    trusted: { "x-forwarded-proto": "https" },
  },
  {
    name: "X-Forwarded-Host",
    lines: ["X-Forwarded-Host: admin.example"],
    untrusted: own,
    trusted: { "x-forwarded-host": "admin.example" },
  },
  {
    name: "X-Forwarded-Port",
    lines: ["X-Forwarded-Port: 443"],
    untrusted: { ...own, "x-forwarded-port": /^(?!443$)\d+$/ },
    trusted: { "x-forwarded-port": "443" },
  },
  {
    name: "other fields that begin with X-Forwarded-",
    lines: ["X-Forwarded-User: admin", "X-Forwarded-Client-Cert: Hash=1", "X-Forwarded-Prefix: /a"],
    untrusted: {
      "x-forwarded-user": undefined,
      "x-forwarded-client-cert": undefined,
      "x-forwarded-prefix": undefined,
    },
    trusted: {
      "x-forwarded-user": "admin",
      "x-forwarded-client-cert": "Hash=1",
      "x-forwarded-prefix": "/a",
    },
  },
  {
    name: "Forwarded",
    lines: ["Forwarded: for=198.51.100.1;proto=https"],
    untrusted: { ...own, forwarded: undefined },
    trusted: { forwarded: "for=198.51.100.1;proto=https" },
  },
  {
    name: "X-Real-IP",
    lines: ["X-Real-IP: 198.51.100.1"],
    untrusted: { "x-real-ip": undefined },
    trusted: { "x-real-ip": "198.51.100.1" },
  },
  {
    name: "X-Request-ID",
    lines: ["X-Request-ID: mine"],
    untrusted: { "x-request-id": uuid },
    trusted: { "x-request-id": "mine" },
  },
  {
    name: "X-Request-ID twice",
    lines: ["X-Request-ID: mine", "X-Request-ID: yours"],
    untrusted: { "x-request-id": uuid },
    trusted: { "x-request-id": "mine, yours" },
  },
  {
    name: "X-Request-ID that is too long",
    lines: [`X-Request-ID: ${"x".repeat(129)}`],
    untrusted: { "x-request-id": uuid },
  },
  {
    name: "names with an underscore",
    lines: ["X_Forwarded_For: 198.51.100.1", "X_User: admin", "X-Forwarded_Proto: https"],
    untrusted: {
      ...own,
      x_forwarded_for: undefined,
      x_user: undefined,
      "x-forwarded_proto": undefined,
      "x-user": "umay",
    },
  },
  {
    name: "a field that the route sets",
    lines: ["X-User: admin", "x-USER: root"],
    untrusted: { "x-user": "umay" },
  },
  {
    name: "a field that the route removes",
    lines: ["X-Internal: 1", "X-Internal-Role: admin"],
    untrusted: { "x-internal": undefined, "x-internal-role": undefined },
  },
  {
    name: "Connection that names the field that the route sets",
    lines: ["X-User: admin", "Connection: x-user"],
    untrusted: { "x-user": "umay" },
  },
  ...[
    "x-forwarded-for",
    "X-Forwarded-Proto",
    "x-request-id",
    "x-real-ip",
    "forwarded",
    "Host",
    "authorization",
    "cookie",
    "content-length",
    "close, content-type",
  ].map((name) => ({
    name: `Connection that names ${name}`,
    lines: [`Connection: ${name}`, "Authorization: Basic eA=="],
    untrusted: 400,
  })),
  {
    name: "Connection that names 17 fields",
    lines: [`Connection: ${Array.from({ length: 17 }, (_, index) => `x-${index}`).join(", ")}`],
    untrusted: 400,
  },
  {
    name: "fields for one hop alone",
    lines: [
      "Keep-Alive: timeout=1",
      "Proxy-Connection: close",
      "Proxy-Authorization: Basic eA==",
      "TE: gzip",
    ],
    untrusted: {
      "keep-alive": undefined,
      "proxy-connection": undefined,
      "proxy-authorization": undefined,
      te: undefined,
    },
  },
];

describe("a client cannot pass for another one", () => {
  const stack = new AsyncDisposableStack();
  let backend: NodeServer;
  let umay: RunningUmay;

  before(async () => {
    backend = stack.use(await NodeServer.start());
    umay = stack.use(
      await startUmay(`
      workers = 1
      admin = { bind = "127.0.0.1:0" }
      [listeners.untrusted]
      bind = "127.0.0.1:0"
      mode = "http"
      [listeners.trusted]
      bind = "127.0.0.1:0"
      mode = "http"
      forwarded.trust = ["127.0.0.0/8"]
      [routes.guarded]
      path_prefix = "/guarded"
      allow = ["198.51.100.7"]
      pool = "app"
      [routes.all]
      pool = "app"
      [routes.all.request_headers]
      set = { x-user = "umay" }
      remove = ["x-internal", "x-internal-*"]
      ${poolToml("app", [backend.address])}`),
    );
  });
  after(() => stack.disposeAsync());

  async function ask(listener: string, lines: readonly string[], path = "/"): Promise<number> {
    using client = await HttpClient.connect(umay.port(listener));
    client.write(
      [
        "GET ",
        path,
        " HTTP/1.1\r\nHost: a.example:80\r\n",
        ...lines.map((line) => `${line}\r\n`),
        "\r\n",
      ].join(""),
    );
    return (await client.response()).status;
  }

  for (const { name, lines, untrusted, trusted = untrusted } of attempts)
    test(name, async () => {
      for (const [listener, expected] of [
        ["untrusted", untrusted],
        ["trusted", trusted],
      ] as const) {
        const before = backend.seen.length;
        const status = await ask(listener, lines);
        if (typeof expected === "number") {
          assert.deepEqual([status, backend.seen.length], [expected, before], listener);
          continue;
        }
        assert.equal(status, 200);
        const { headers } = backend.seen.at(-1)!;
        for (const [field, value] of Object.entries(expected)) {
          const seen = headers[field] as string | undefined;
          if (value instanceof RegExp) assert.match(seen ?? "", value, `${field} from ${listener}`);
          else assert.equal(seen, value, `${field} from ${listener}`);
        }
      }
    });

  test("the addresses that a route lets in are those that a trusted peer names, from the right", async () => {
    const all = [
      ["untrusted", "198.51.100.7", 403],
      ["trusted", "198.51.100.7", 200],
      ["trusted", "198.51.100.7, 127.0.0.9", 200],
      ["trusted", "198.51.100.7, 203.0.113.1", 403],
      ["trusted", "203.0.113.1, 198.51.100.7", 200],
      ["trusted", "198.51.100.7, unknown", 403],
      ["trusted", "198.51.100.7:4711", 200],
      ["trusted", "", 403],
    ] as const;
    for (const [listener, list, status] of all)
      assert.equal(
        await ask(listener, [`X-Forwarded-For: ${list}`], "/guarded"),
        status,
        `${list} from ${listener}`,
      );
  });

  test("the log names the client that is believed, and the id that the backend has", async () => {
    await ask("trusted", ["X-Forwarded-For: 198.51.100.7", "X-Request-ID: log-1"], "/log");
    const line = await umay.logged((one) => one["path"] === "/log");
    assert.deepEqual([line["client"], line["id"]], ["198.51.100.7", "log-1"]);
  });
});
