import assert from "node:assert/strict";
import { test } from "node:test";
import { formatSummary, summarise } from "../../src/cli/summary.ts";
import type { ClientAuth } from "../../src/model/client-auth.ts";
import type { ListenerTls } from "../../src/model/listener.ts";
import type { Model } from "../../src/model/model.ts";
import { loadConfigText } from "../../src/providers/toml/load.ts";
import { authorities, fileSource } from "../support/material.ts";

const toml = `
workers = 3
[admin]
bind = "unix:/run/umay/admin.sock"
[listeners.web]
bind = "[::]:9994"
pool = "cache"
[pools.cache.picker]
type = "consistent-hash"
key = "source-ip"
bounded_load = 1.25
[pools.cache.discovery]
type = "static"
backends = ["10.0.0.1:80", { address = "10.0.0.2:80", weight = 2, backup = true }]
[pools.api.discovery]
type = "dns"
name = "api.internal"
port = 8443
record = "a+aaaa"
nameservers = ["127.0.0.1:5353"]
`;

/** Expires on 2027-01-01. */
const certificate = {
  source: { kind: "file", cert: "/etc/umay/web.pem", key: "/etc/umay/web.key" },
  cert: "",
  key: "",
  subject: "CN=web",
  keyType: "ec",
  names: ["web.test", "*.web.test"],
  notAfter: Date.UTC(2027, 0, 1),
} as const;

async function model(): Promise<Model> {
  return (await loadConfigText(toml, { name: "umay.toml", directory: "/", env: {} })).model;
}

test("a summary names every listener, picker and backend as it is configured", async () => {
  const plain = summarise(await model());
  assert.equal(
    formatSummary(plain),
    `  workers  3
  admin    unix:/run/umay/admin.sock
  listener web: tcp on [::]:9994, no TLS, to pool cache
  pool cache: consistent-hash of source-ip (maglev, bounded load 1.25), static discovery
    10.0.0.1:80
    10.0.0.2:80 (weight 2, backup)
  pool api: power-of-two, dns discovery
    api.internal (a+aaaa at 127.0.0.1:5353), port 8443
`,
  );
});

test("a summary says what a certificate covers and how many days it has left", async () => {
  const base = await model();
  const [listener] = base.listeners;
  const tls = {
    name: "tls",
    minVersion: "TLSv1.3",
    maxVersion: "TLSv1.3",
    ciphers: "",
    groups: [],
    alpn: [],
    strictSni: false,
    clientAuth: undefined,
    certificates: [certificate, { ...certificate, names: [] }],
    sessionTickets: undefined,
  } as const;
  const summary = summarise({ ...base, listeners: [{ ...listener!, tls: [tls] }] });
  const text = formatSummary(summary, Date.UTC(2026, 11, 25, 12));
  assert.match(text, /web: tcp on \[::\]:9994, TLSv1\.3, to pool cache/);
  assert.match(
    text,
    /certificate \/etc\/umay\/web\.pem for web\.test, \*\.web\.test\n {6}valid until 2027-01-01 \(6 days\)/,
  );
  assert.match(text, /certificate \/etc\/umay\/web\.pem for CN=web\n/);
});

test("a summary says that a pool speaks TLS, and what it verifies", async () => {
  const base = await model();
  const tls = {
    verify: true,
    ca: authorities("", "/etc/ca.pem"),
    serverName: "api.test",
    certificate: undefined,
    alpn: [],
  };
  const told = (changes: object): string | null | undefined =>
    summarise({ ...base, pools: [{ ...base.pools[0]!, tls: { ...tls, ...changes } }] }).pools[0]?.tls;
  assert.equal(told({}), "TLS, verified as api.test by /etc/ca.pem");
  assert.equal(
    told({ ca: undefined, serverName: undefined }),
    "TLS, verified as each backend's host name or address by the system's CAs",
  );
  assert.equal(told({ verify: false }), "TLS, not verified");
  assert.match(
    formatSummary(summarise({ ...base, pools: [{ ...base.pools[0]!, tls }] })),
    /discovery, TLS, verified as/,
  );
  const shown = summarise({ ...base, pools: [{ ...base.pools[0]!, tls: { ...tls, certificate } }] });
  assert.equal(shown.pools[0]?.certificate?.not_after, "2027-01-01T00:00:00.000Z");
  assert.match(
    formatSummary(shown, Date.UTC(2026, 11, 25, 12)),
    / {4}shows backends \/etc\/umay\/web\.pem of CN=web\n {6}valid until 2027-01-01 \(6 days\)\n/,
  );
});

test("a summary says how clients are verified, and nothing where they are not", async () => {
  const base = await model();
  const [listener] = base.listeners;
  const clientAuth = {
    mode: "require",
    ca: {
      source: fileSource("/etc/umay/ca.pem"),
      pem: "",
      members: [{ subject: "CN=clients CA", notAfter: Date.UTC(2027, 0, 1) }],
    },
    crl: {
      source: fileSource("/etc/umay/crl.pem"),
      pems: [""],
      nextUpdate: Date.UTC(2026, 11, 28),
    },
    allow: [
      { kind: "spiffe", id: "spiffe://acme.test/*" },
      { kind: "dns", name: "a.test" },
      { kind: "subject", attributes: ["CN=Doe, John", "O=Acme"] },
      { kind: "sha256", pin: "AAAA" },
    ],
  } as const;
  const tlsWith = (auth: ClientAuth | undefined): ListenerTls => ({
    name: "tls",
    minVersion: "TLSv1.3",
    maxVersion: "TLSv1.3",
    ciphers: "",
    groups: [],
    alpn: [],
    strictSni: false,
    certificates: [certificate],
    clientAuth: auth,
    sessionTickets: undefined,
  });
  const text = (auth: ClientAuth | undefined): string => {
    const summary = summarise({ ...base, listeners: [{ ...listener!, tls: [tlsWith(auth)] }] });
    return formatSummary(summary, Date.UTC(2026, 11, 25, 12));
  };
  assert.ok(
    text(clientAuth).includes(`
    clients must have a certificate of /etc/umay/ca.pem
      CN=clients CA, valid until 2027-01-01 (6 days)
      not revoked by /etc/umay/crl.pem, valid until 2026-12-28 (2 days)
      only these may come in:
        spiffe://acme.test/*
        dns:a.test
        subject:CN=Doe\\, John,O=Acme
        sha256:AAAA
`),
  );
  const lenient = {
    ...clientAuth,
    mode: "optional",
    crl: undefined,
    allow: undefined,
  } as const;
  assert.ok(
    text(lenient).includes(`
    clients may have a certificate of /etc/umay/ca.pem
      CN=clients CA, valid until 2027-01-01 (6 days)
      revocation is not checked
      everyone with such a certificate may come in
`),
  );
  assert.doesNotMatch(text(undefined), /clients/);
});

test("a summary says where requests without a route are sent, and which guards stand before a route", async () => {
  const text = `
[listeners.plain]
bind = "127.0.0.1:8080"
mode = "http"
https_redirect = { port = 8443 }
[listeners.web]
bind = "127.0.0.1:8081"
mode = "http"
[auth.crm]
type = "mtls"
[auth.site]
type = "forward"
pool = "p"
path = "/auth"
[rate_limits.slow]
key = ["client-ip"]
rate = "1/s"
[routes.api]
listeners = ["web"]
path_prefix = "/api"
auth = ["crm", "site"]
rate_limit = ["slow"]
pool = "p"
[routes.old]
listeners = ["web"]
path_prefix = "/old"
redirect = { host = "a.test", path_prefix = "/new/" }
[pools.p.discovery]
type = "static"
backends = ["127.0.0.1:1"]
`;
  const { model } = await loadConfigText(text, { name: "umay.toml", directory: "/", env: {} });
  assert.deepEqual(
    formatSummary(summarise(model))
      .split("\n")
      .filter((line) => /listener|any host/.test(line)),
    [
      "  listener plain: http on 127.0.0.1:8080, no TLS, to routes, else redirect 308 to https://…:8443",
      "  listener web: http on 127.0.0.1:8081, no TLS, to routes",
      "    any host: prefix /api to pool p (route api, behind rate_limits.slow, auth.crm or auth.site)",
      "    any host: prefix /old to redirect 307 to //a.test/new/… (route old)",
    ],
  );
});
