import assert from "node:assert/strict";
import { test } from "node:test";
import { formatSummary, summarise } from "../../src/cli/summary.ts";
import { loadConfigText } from "../../src/config/load.ts";
import type { Model } from "../../src/model/model.ts";

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
  certFile: "/etc/umay/web.pem",
  keyFile: "/etc/umay/web.key",
  cert: "",
  key: "",
  subject: "CN=web",
  names: ["web.test", "*.web.test"],
  notAfter: Date.UTC(2027, 0, 1),
};

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
    minVersion: "TLSv1.3",
    maxVersion: "TLSv1.3",
    ciphers: "",
    groups: [],
    alpn: [],
    strictSni: false,
    certificates: [certificate, { ...certificate, names: [] }],
    sessionTickets: true,
  } as const;
  const summary = summarise({ ...base, listeners: [{ ...listener!, tls }] });
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
    caFile: "/etc/ca.pem",
    ca: "",
    serverName: "api.test",
    certificate: undefined,
    alpn: [],
  };
  const told = (changes: object): string | null | undefined =>
    summarise({ ...base, pools: [{ ...base.pools[0]!, tls: { ...tls, ...changes } }] }).pools[0]?.tls;
  assert.equal(told({}), "TLS, verified as api.test by /etc/ca.pem");
  assert.equal(
    told({ caFile: undefined, serverName: undefined, certificate }),
    "TLS, verified as each backend's host name or address by the system's CAs, showing /etc/umay/web.pem",
  );
  assert.equal(told({ verify: false }), "TLS, not verified");
  assert.match(
    formatSummary(summarise({ ...base, pools: [{ ...base.pools[0]!, tls }] })),
    /discovery, TLS, verified as/,
  );
});
