import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import type { HealthPolicy } from "../../../src/model/health.ts";
import { testCertificates } from "../../support/certificates.ts";
import { loadModel, problemLines, smallest } from "./loading.ts";

const timing = {
  interval: 5_000,
  timeout: 2_000,
  rise: 2,
  fall: 3,
  address: undefined,
  port: undefined,
  proxyProtocol: undefined,
};

const dns = smallest.replace(/type = "static"\n.*\n/, 'type = "dns"\nname = "app.internal"\nport = 80\n');

async function policyOf(lines: string, text = smallest): Promise<HealthPolicy> {
  return (await loadModel(`${text}${lines}\n`)).pools[0]!.health;
}

test("each type of check gets every default", async () => {
  const check = async (type: string, text?: string) =>
    (await policyOf(`[pools.echo.health]\ntype = "${type}"`, text)).check;
  const tls = {
    verify: true,
    ca: undefined,
    serverName: undefined,
    certificate: undefined,
    alpn: [],
  };
  assert.deepEqual(await check("tcp"), { type: "tcp", ...timing });
  assert.deepEqual(await check("tls"), { type: "tls", ...timing, tls });
  assert.deepEqual(await check("grpc"), {
    type: "grpc",
    ...timing,
    tls: undefined,
    host: undefined,
    service: "",
  });
  assert.deepEqual(await check("http"), {
    type: "http",
    version: "1.1",
    ...timing,
    tls: undefined,
    method: "GET",
    path: "/",
    host: undefined,
    expectStatus: [{ from: 200, to: 299 }],
    expectBody: undefined,
  });
  assert.deepEqual(await check("tls", dns), {
    type: "tls",
    ...timing,
    tls: { ...tls, serverName: "app.internal" },
  });
});

test("the Host header is the one that is configured, or else the name that is verified, or else that of discovery", async () => {
  const host = async (lines: string): Promise<string | undefined> => {
    const { check } = await policyOf(`[pools.echo.health]\ntype = "http"\n${lines}`, dns);
    return check?.type === "http" ? check.host : undefined;
  };
  assert.equal(await host(""), "app.internal");
  assert.equal(await host('tls.server_name = "api.test"'), "api.test");
  assert.equal(await host('tls.server_name = "api.test"\nhost = "other.test:81"'), "other.test:81");
});

test("everything that is configured arrives in the model", async () => {
  const { ca } = await testCertificates();
  const authority = new X509Certificate(readFileSync(ca));
  const { check, outlier, panicThreshold } = await policyOf(`[pools.echo]
panic_threshold = 0
outlier = { enabled = false, consecutive_errors = 7, ejection = { base = "1s", max = "2s", max_percent = 10 } }
[pools.echo.health]
type = "http"
method = "HEAD"
path = "/health?x=1"
host = "h"
expect_status = [200, "300-399"]
interval = "1s"
timeout = "100ms"
rise = 1
fall = 9
address = "::1"
port = 81
tls = { verify = false, ca = "${ca}", server_name = "s" }`);
  assert.deepEqual(outlier, {
    enabled: false,
    consecutiveErrors: 7,
    base: 1_000,
    max: 2_000,
    maxPercent: 10,
    successRate: { minBackends: 5, minRequests: 100, deviations: 1.9 },
  });
  assert.equal(panicThreshold, 0);
  assert.deepEqual(check, {
    type: "http",
    version: "1.1",
    interval: 1_000,
    timeout: 100,
    rise: 1,
    fall: 9,
    address: "::1",
    port: 81,
    proxyProtocol: undefined,
    tls: {
      verify: false,
      ca: {
        source: { kind: "file", file: ca },
        pem: readFileSync(ca, "utf8"),
        members: [{ subject: authority.subject ?? "", notAfter: authority.validToDate.getTime() }],
      },
      serverName: "s",
      certificate: undefined,
      alpn: [],
    },
    method: "HEAD",
    path: "/health?x=1",
    host: "h",
    expectStatus: [
      { from: 200, to: 200 },
      { from: 300, to: 399 },
    ],
    expectBody: undefined,
  });
});

test("checks begin with the pool's PROXY header, unless they go elsewhere than sessions do", async () => {
  const header = async (lines: string): Promise<string | undefined> =>
    (await policyOf(`[pools.echo]\nproxy_protocol = "v2"\n[pools.echo.health]\ntype = "tcp"\n${lines}`)).check
      ?.proxyProtocol;
  assert.equal(await header(""), "v2");
  assert.equal(await header("port = 81"), undefined);
  assert.equal(await header('address = "::1"'), undefined);
});

test("checks speak TLS as the pool does, unless they have settings of their own or go elsewhere", async () => {
  const tlsOf = async (lines: string): Promise<string | undefined> => {
    const { check } = await policyOf(
      `[pools.echo]\ntls.server_name = "pool.test"\n[pools.echo.health]\n${lines}`,
    );
    if (check === undefined || !("tls" in check)) return "tcp";
    return check.tls === undefined ? "none" : (check.tls.serverName ?? "unnamed");
  };
  assert.equal(await tlsOf('type = "tls"'), "pool.test");
  assert.equal(await tlsOf('type = "http"'), "pool.test");
  assert.equal(await tlsOf('type = "grpc"'), "pool.test");
  assert.equal(await tlsOf('type = "http"\ntls.server_name = "own.test"'), "own.test");
  assert.equal(await tlsOf('type = "http"\nport = 81'), "none");
  assert.equal(await tlsOf('type = "tls"\nport = 81'), "unnamed");
});

for (const [line, expected] of [
  ['type = "tcp"\nsend = "x"', /pools\.echo\.health\.send.*nothing is expected as the answer; add expect/],
  [
    'type = "udp"',
    /pools\.echo\.health.*"tcp", "tls", "http", "grpc", "mysql", "postgres", "redis" or "smtp"/,
  ],
  ['type = "http"\nexpect_status = ["299-200"]', /"299-200" is empty/],
  ['type = "http"\nexpect_status = [99]', /status from 100 to 599/],
  ['type = "http"\nexpect_status = ["2xx"]', /status from 100 to 599/],
  ['type = "http"\npath = "healthz"', /begins with \//],
  ['type = "http"\npath = "/a b"', /no spaces/],
  ['type = "http"\nmethod = "HEAD"\nexpect_body = "ok"', /answer to HEAD has no body/],
  ['type = "http"\nhost = "a\\r\\nb: c"', /expected a host name/],
  ['type = "tcp"\npath = "/"', /pools\.echo\.health\.path: unknown key/],
  ['type = "tcp"\naddress = "localhost"', /expected an IP address/],
  ['type = "tls"\ntls.ca = "missing.pem"', /pools\.echo\.health\.tls\.ca: .*missing\.pem/],
] as const)
  test(`${JSON.stringify(line)} is refused with what was expected`, async () => {
    const problems = await problemLines(`${smallest}[pools.echo.health]\n${line}\n`);
    assert.equal(problems.length, 1, problems.join("\n"));
    assert.match(problems[0]!, expected);
  });

test("an ejection whose base is longer than its max is refused", async () => {
  const [problem] = await problemLines(`${smallest}[pools.echo.outlier.ejection]\nbase = "10m"\n`);
  assert.match(problem!, /outlier\.ejection: base is longer than max; raise max or lower base/);
});
