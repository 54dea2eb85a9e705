import assert from "node:assert/strict";
import { test } from "node:test";
import { usableCpus } from "../../../src/providers/toml/resolve/workers.ts";
import { testCertificates } from "../../support/certificates.ts";
import { load, loadModel, problemLines, smallest } from "./loading.ts";

const { ca, ecdsa } = await testCertificates();

test("the smallest configuration gets every default", async () => {
  const { workers, ...model } = await loadModel(smallest);
  assert.ok(workers >= 1);
  assert.deepEqual(model, {
    watchdog: 10_000,
    log: { level: "info", format: "json", sessions: true },
    overload: { maxRequests: undefined, eventLoopDelay: 1_000, memory: 95 },
    shutdown: { delay: 0, timeout: 30_000 },
    admin: undefined,
    listeners: [
      {
        name: "echo",
        bind: { kind: "tcp", host: "127.0.0.1", port: 9994 },
        chains: [
          {
            name: "pool",
            match: { sni: [], alpn: [], protocol: [], from: [], port: [] },
            tls: undefined,
            settings: undefined,
            serve: { kind: "relay", to: [{ pool: "echo", weight: 1 }] },
            timeouts: { idle: 3_600_000, halfClose: 60_000, stall: 60_000 },
          },
        ],
        tls: [],
        socket: undefined,
        detect: false,
        proxyProtocol: undefined,
        maxConnections: undefined,
        limits: {
          allow: [],
          deny: [],
          maxConnectionsPerIp: undefined,
          connectionRatePerIp: undefined,
          maxHandshakes: 10_000,
        },
        timeouts: { handshake: 10_000 },
      },
    ],
    pools: [
      {
        name: "echo",
        picker: { type: "power-of-two" },
        proxyProtocol: undefined,
        slowStart: 0,
        http: {
          version: "1.1",
          host: "keep",
          idle: 4_000,
          sharedIdle: 300_000,
          maxIdlePerBackend: 256,
          maxRequestsPerBackend: undefined,
          maxResponseHead: 65_536,
        },
        connect: { timeout: 5_000, attempts: 3, retryBudget: { percent: 20, min: 3 } },
        maxConnectionsPerBackend: undefined,
        queue: { size: 1_000, timeout: 5_000 },
        removal: undefined,
        tls: undefined,
        health: {
          check: undefined,
          outlier: {
            enabled: true,
            consecutiveErrors: 5,
            base: 30_000,
            max: 300_000,
            maxPercent: 50,
            successRate: { minBackends: 5, minRequests: 100, deviations: 1.9 },
          },
          panicThreshold: 50,
        },
        discovery: {
          type: "static",
          backends: [
            {
              address: "127.0.0.1:1994",
              target: { kind: "tcp", host: "127.0.0.1", port: 1994 },
              weight: 1,
              tier: 0,
            },
          ],
        },
      },
    ],
    routeTables: [],
  });
});

test("a removed backend's sessions are kept, or have a time, which may be none", async () => {
  const removal = async (value: string): Promise<number | undefined | string> => {
    const { model, problems } = await load(`${smallest}[pools.echo]\nremoval = ${value}\n`);
    return model === undefined ? problems[0]!.message : model.pools[0]!.removal;
  };
  assert.equal(await removal('"keep"'), undefined);
  assert.equal(await removal('"drain 30s"'), 30_000);
  assert.equal(await removal('"drain 0s"'), 0);
  for (const wrong of ['"drain"', '"drain 30"', '"30s"', '"drain  30s"', '"close"', '"drain 25d"', "30"])
    assert.equal(
      await removal(wrong),
      `expected "keep", or "drain" with a duration from "0s" to "24d", such as "drain 30s", got ${wrong}`,
    );
});

test("DNS discovery gets every default, and DNS servers get port 53", async () => {
  const dns = (more: string): string =>
    smallest.replace(/type = "static"\n.*\n/, `type = "dns"\nname = "app.internal"\nport = 80\n${more}`);
  assert.deepEqual((await loadModel(dns(""))).pools[0]?.discovery, {
    type: "dns",
    name: "app.internal",
    port: 80,
    record: "a",
    nameservers: [],
    refresh: { min: 1_000, max: 300_000 },
    hold: 30_000,
    linger: 0,
  });
  const { discovery } = (
    await loadModel(dns('nameservers = ["10.0.0.2", "::1", "[::1]:5353", "10.0.0.2:54"]\n'))
  ).pools[0]!;
  assert.ok(discovery.type === "dns");
  assert.deepEqual(discovery.nameservers, ["10.0.0.2:53", "[::1]:53", "[::1]:5353", "10.0.0.2:54"]);
});

test("the name consistent-hash alone means its defaults", async () => {
  const model = await loadModel(`${smallest}[pools.echo]\npicker = "consistent-hash"\n`);
  assert.deepEqual(model.pools[0]?.picker, {
    type: "consistent-hash",
    key: "source-ip",
    algorithm: "maglev",
    boundedLoad: undefined,
  });
});

test("unix sockets start at the configuration's folder, and a path that gets too long is told", async () => {
  const text = smallest.replace("127.0.0.1:9994", "unix:run/echo.sock");
  assert.deepEqual((await loadModel(text)).listeners[0]?.bind, {
    kind: "unix",
    path: "/nowhere/run/echo.sock",
  });
  const { problems } = await load(text, {}, `/${"x".repeat(100)}`);
  assert.match(
    problems[0]!.message,
    /is longer than the 107 bytes that a unix socket's path may have; choose a shorter one$/,
  );
});

test("an unused pool is a warning", async () => {
  const text = `${smallest}[pools.spare.discovery]\ntype = "static"\nbackends = ["x:1"]\n`;
  assert.deepEqual(await problemLines(text), [
    "warning umay.toml:8:2 pools.spare: no listener or route uses this pool; name it in one, or remove it",
  ]);
});

test("hashing the server name behind a listener without TLS is a warning", async () => {
  const text = `${smallest}[pools.echo]\npicker = { type = "consistent-hash", key = "sni" }\n`;
  const lines = await problemLines(text);
  assert.equal(lines.length, 1);
  assert.match(
    lines[0]!,
    /^warning umay\.toml:9:10 pools\.echo\.picker: key = "sni" needs TLS, which listeners\.echo does not have/,
  );
});

/** CPUs on a machine with 8, of which the control groups are these files. */
const cpus = (files: Readonly<Record<string, string>>): number =>
  usableCpus(8, (file) => {
    if (files[file] === undefined) throw new Error(`ENOENT ${file}`);
    return files[file];
  });

for (const [what, files, expected] of [
  ["no control groups", {}, 8],
  ["a group without a quota", { "/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/cpu.max": "max 100000\n" }, 8],
  [
    "a quota of one and a half",
    { "/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/cpu.max": "150000 100000\n" },
    2,
  ],
  ["a quota of a tenth", { "/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/cpu.max": "10000 100000\n" }, 1],
  [
    "a quota above the machine",
    { "/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/cpu.max": "6400000 100000\n" },
    8,
  ],
  [
    "a smaller quota further up",
    {
      "/proc/self/cgroup": "0::/a/b\n",
      "/sys/fs/cgroup/a/b/cpu.max": "400000 100000\n",
      "/sys/fs/cgroup/a/cpu.max": "300000 100000\n",
      "/sys/fs/cgroup/cpu.max": "max 100000\n",
    },
    3,
  ],
  [
    "version 1",
    {
      "/proc/self/cgroup": "5:memory:/docker\n4:cpu,cpuacct:/docker\n",
      "/sys/fs/cgroup/cpu/docker/cpu.cfs_quota_us": "250000\n",
      "/sys/fs/cgroup/cpu/docker/cpu.cfs_period_us": "100000\n",
      "/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
      "/sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
    },
    3,
  ],
] as const)
  test(`workers = "auto" with ${what} means ${expected} of 8`, () => {
    assert.equal(cpus(files), expected);
  });

test("peak-ewma has a decay of its own, and a pool its slow start", async () => {
  const of = async (picker: string): Promise<unknown> => {
    const { pools } = await loadModel(`${smallest}[pools.echo]\npicker = ${picker}\nslow_start = "30s"\n`);
    const [pool] = pools;
    return [pool!.picker, pool!.slowStart];
  };
  assert.deepEqual(await of('"peak-ewma"'), [{ type: "peak-ewma", decay: 10_000 }, 30_000]);
  assert.deepEqual(await of('{ type = "peak-ewma", decay = "1m" }'), [
    { type: "peak-ewma", decay: 60_000 },
    30_000,
  ]);
});

for (const [settings, why] of [
  ["detect = true", "detect does not wait for it"],
  [
    'routes = [{ sni = ["a.test"], passthrough = true, pool = "echo" }]',
    "what is passed through begins with TLS",
  ],
  ['mode = "http"', "HTTP begins with TLS"],
] as const)
  test(`a listener with starttls speaks nothing else: ${settings}`, async () => {
    const text = smallest.replace(
      "[listeners.echo]\n",
      `[listeners.echo]\n${settings}\ntls = { starttls = "postgres", certificates = [{ cert = "${ecdsa.cert}", key = "${ecdsa.key}" }] }\n`,
    );
    const lines = await problemLines(text);
    assert.ok(
      lines.some((line) => /listeners\.echo\.tls\.starttls/.test(line) && line.includes(why)),
      lines.join("\n"),
    );
  });

test("v6_only says something of every IPv6 address, and nothing of another bind", async () => {
  const bound = async (bind: string) =>
    load(smallest.replace(/bind = ".*"/, `bind = "${bind}"\nv6_only = true`));
  const { model } = await bound("[::]:9994");
  assert.deepEqual(model?.listeners[0]?.bind, { kind: "tcp", host: "::", port: 9994, v6Only: true });
  for (const other of ["0.0.0.0:9994", "[::1]:9994", "unix:/run/a.sock"])
    assert.match((await bound(other)).problems[0]!.message, /^says something about every IPv6 address/);
});

/** The problems of a listener that terminates TLS with these settings. */
const problemsWithTls = (settings: string): Promise<readonly string[]> =>
  problemLines(
    smallest.replace(
      "[listeners.echo]\n",
      `[listeners.echo]\ntls = { ${settings}, certificates = [{ cert = "${ecdsa.cert}", key = "${ecdsa.key}" }] }\n`,
    ),
  );

test("clients may be passed on without TLS where starttls is set and no certificate is required of them", async () => {
  const pass = 'starttls = "postgres", starttls_plain = "pass"';
  const about = async (settings: string): Promise<string> =>
    (await problemsWithTls(settings)).filter((line) => line.includes("starttls_plain")).join();
  assert.equal(await about(pass), "");
  assert.equal(await about(`${pass}, client_auth = { ca = "${ca}", mode = "optional" }`), "");
  assert.match(await about(`${pass}, client_auth = { ca = "${ca}" }`), /lets clients without TLS in/);
  assert.match(await about('starttls_plain = "pass"'), /needs starttls/);
});
