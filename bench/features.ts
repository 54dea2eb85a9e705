/**
 * The cost of HTTP's features for a request as a whole, in microseconds of umay's CPU time and as a ratio to the same
 * request without the feature: `node bench/features.ts [ROUNDS] [WORD]`, after `npm run build`. Both are measured one
 * after the other, and a ratio is the median over the rounds. umay has the first CPU; backend (nginx) and wrk have the
 * others.
 */
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { hashSync } from "bcryptjs";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { startBackend } from "./backend/nginx.ts";
import { describeMachine, find, freePort, pinSelf } from "./machine.ts";
import { cpuMicrosBetween, cpuUsage } from "./measure.ts";
import { accepting, capture, installCleanup, makeFolder, type Running, start } from "./process.ts";
import { median } from "./tls-stage.ts";

const rounds = Number(process.argv[2] ?? 9);
/** Features whose name has it. */
const word = process.argv[3] ?? "";
const seconds = 1;

interface Feature {
  readonly name: string;
  /** The path that is asked for. */
  readonly path: string;
  readonly fields?: Readonly<Record<string, string>>;
  /** The name of the one that it is compared with; undefined: others are compared with it. */
  readonly to?: string;
  /** Further tables of the whole process. */
  readonly process?: string;
}

installCleanup();
const machine = describeMachine();
const [proxyCpus, loadCpus] = [machine.proxyCpus.join(","), machine.loadCpus.join(",")];
pinSelf(machine.loadCpus);
const folder = makeFolder();
const at = (name: string): string => join(folder, name);

const { publicKey, privateKey } = await generateKeyPair("ES256", { extractable: true });
writeFileSync(at("keys.json"), JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: "1" }] }));
writeFileSync(at("users"), `a:${hashSync("p", 4)}\n`);
const token = await new SignJWT({ iss: "i", aud: "a", sub: "s", scope: "read write" })
  .setProtectedHeader({ alg: "ES256", kid: "1" })
  .setExpirationTime("1h")
  .sign(privateKey);
const backend = await startBackend(loadCpus, 1);
const collector = createServer((request, response) => request.resume().once("end", () => response.end("{}")));
await new Promise<void>((resolve) => void collector.listen(0, "127.0.0.1", resolve));

const redis = find("redis-server") ?? find("valkey-server");
const redisPort = await freePort();
if (redis !== undefined) {
  const args = ["--port", String(redisPort), "--bind", "127.0.0.1", "--save", "", "--dir", folder];
  await accepting(start({ file: redis, args }, loadCpus, at("redis.log")), redisPort);
}

const plain = "nothing";
const text = "16 KiB of text";
const features: readonly Feature[] = [
  { name: plain, path: "/plain/small" },
  { name: "allow, 100 ranges", path: "/allow/small", to: plain },
  {
    name: "basic, a known password",
    path: "/basic/small",
    to: plain,
    fields: { authorization: `Basic ${btoa("a:p")}` },
  },
  {
    name: "jwt (ES256), a known token",
    path: "/jwt/small",
    to: plain,
    fields: { authorization: `Bearer ${token}` },
  },
  { name: "a rate by field", path: "/rate/small", to: plain, fields: { "x-user": "7" } },
  { name: "a rate by field, told on answers", path: "/told/small", to: plain, fields: { "x-user": "7" } },
  { name: "a rate by address", path: "/address/small", to: plain },
  ...(redis === undefined
    ? []
    : [{ name: "a rate by field, shared", path: "/shared/small", to: plain, fields: { "x-user": "7" } }]),
  {
    name: "forward, a server that is asked",
    path: "/forward/small",
    to: plain,
    // Names of its fields are reserved on all routes: in a process of its own.
    process: `
auth.sso = { type = "forward", pool = "app", path = "/small", copy = ["x-user"] }
routes.forward = { path_prefix = "/forward", pool = "app", rewrite.path_prefix = "/", auth = ["sso"] }`,
  },
  { name: "cors", path: "/cors/small", to: plain, fields: { origin: "https://app.example.com" } },
  { name: text, path: "/plain/medium" },
  {
    name: "the same, compress: gzip",
    path: "/compress/medium",
    fields: { "accept-encoding": "gzip" },
    to: text,
  },
  {
    name: "the same, compress: br",
    path: "/compress/medium",
    fields: { "accept-encoding": "br" },
    to: text,
  },
  {
    name: "the same, compress: zstd",
    path: "/compress/medium",
    fields: { "accept-encoding": "zstd" },
    to: text,
  },
  {
    name: "log.access, json",
    path: "/plain/small",
    to: plain,
    process: `log.access = { file = "${at("json.log")}" }`,
  },
  {
    name: "log.access, combined",
    path: "/plain/small",
    to: plain,
    process: `log.access = { file = "${at("combined.log")}", format = "combined" }`,
  },
  { name: "no lines of requests", path: "/plain/small", to: plain, process: "log.sessions = false" },
  {
    name: "otlp, 10 % traced",
    path: "/plain/small",
    to: plain,
    process: `otlp = { endpoint = "http://127.0.0.1:${(collector.address() as AddressInfo).port}" }`,
  },
];

const tables = (port: number): string => `
workers = 1
shutdown.timeout = "1s"
[listeners.web]
bind = "127.0.0.1:${port}"
mode = "http"
max_requests_per_connection = 0
[auth.basic]
type = "basic"
users_file = "${at("users")}"
[auth.jwt]
type = "jwt"
keys_file = "${at("keys.json")}"
issuer = ["i"]
audience = ["a"]
claims = { scope = "write" }
[rate_limits.rate]
key = ["header:x-user"]
rate = "100000/s"
burst = 1_000_000
[rate_limits.told]
key = ["header:x-user"]
rate = "100000/s"
burst = 1_000_000
fields = "always"
[rate_limits.address]
rate = "100000/s"
burst = 1_000_000
[rate_limits.shared]
key = ["header:x-user"]
rate = "100000/s"
burst = 1_000_000
${redis === undefined ? "" : `store = "redis://127.0.0.1:${redisPort}"`}
[pools.app.discovery]
type = "static"
backends = ["127.0.0.1:${backend.port}"]
${route("plain", "")}
${route("allow", `allow = [${Array.from({ length: 100 }, (_, index) => `"10.${index}.0.0/16"`)}, "127.0.0.0/8"]`)}
${route("basic", 'auth = ["basic"]')}
${route("jwt", 'auth = ["jwt"]')}
${route("rate", 'rate_limit = ["rate"]')}
${route("address", 'rate_limit = ["address"]')}
${route("shared", 'rate_limit = ["shared"]')}
${route("told", 'rate_limit = ["told"]')}
${route("cors", 'cors = { origins = ["https://*.example.com"] }')}
${route("compress", 'compress = { types = ["text/*", "application/octet-stream"] }')}`;

function route(name: string, more: string): string {
  return `[routes.${name}]\npath_prefix = "/${name}"\npool = "app"\nrewrite.path_prefix = "/"\n${more}\n`;
}

/** One umay for each set of tables of the whole process. */
const running = new Map<string, { readonly umay: Running; readonly port: number }>();
for (const process of new Set(features.map((feature) => feature.process ?? ""))) {
  const port = await freePort();
  const file = at(`umay-${running.size}.toml`);
  writeFileSync(file, `${process}\n${tables(port)}`);
  const command = { file: globalThis.process.execPath, args: ["bin/umay.js", "run", "--config", file] };
  const umay = start(command, proxyCpus, at(`umay-${running.size}.log`));
  await accepting(umay, port);
  running.set(process, { umay, port });
}

/** @returns microseconds of umay's CPU time for one request. */
async function measure({ path, fields = {}, process = "" }: Feature, time: number): Promise<number> {
  const { umay, port } = running.get(process)!;
  const headers = Object.entries(fields).flatMap(([name, value]) => ["-H", `${name}: ${value}`]);
  const args = ["-t1", "-c32", `-d${time}s`, ...headers, `http://127.0.0.1:${port}${path}`];
  const before = cpuUsage(umay.pid);
  const report = await capture({ file: find("wrk")!, args }, loadCpus, time + 20);
  if (/Non-2xx|Socket errors/.test(report)) throw new Error(`${path}: ${report}`);
  return cpuMicrosBetween(before, cpuUsage(umay.pid)) / Number(/(\d+) requests in/.exec(report)![1]);
}

/** A feature, and then what it is compared with: neighbours in time, because other work on the machine comes and goes. */
const pairs = features
  .filter(({ name, to }) => to !== undefined && name.includes(word))
  .map((feature) => ({
    feature,
    base: features.find(({ name }) => name === feature.to)!,
    costs: [] as number[],
    ratios: [] as number[],
  }));
for (const feature of features) await measure(feature, 1);
for (let round = 0; round < rounds; round++)
  for (const { feature, base, costs, ratios } of pairs) {
    const cost = await measure(feature, seconds);
    costs.push(cost);
    ratios.push(cost / (await measure(base, seconds)));
  }
console.log(
  `umay on Node ${process.versions.node}, ${machine.cpu}, ${machine.kernel}, ${new Date().toISOString().slice(0, 10)}; ${rounds} rounds`,
);
console.table(
  pairs.map(({ feature, costs, ratios }) => ({
    feature: feature.name,
    "µs of CPU": median(costs).toFixed(1),
    "compared with": feature.to,
    ratio: median(ratios).toFixed(2),
    "ratios from": Math.min(...ratios).toFixed(2),
    to: Math.max(...ratios).toFixed(2),
  })),
);
process.exit(0);
