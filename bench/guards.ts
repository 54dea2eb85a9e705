/**
 * The cost of guards for a request, in nanoseconds, where the answer is known already, as for nearly every one.
 * `node bench/guards.ts`; on a core of its own (`taskset -c 1`) it is steadier.
 */

import { X509Certificate } from "node:crypto";
import { mkdtempDisposableSync, readFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { hashSync } from "bcryptjs";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { Bench } from "tinybench";
import { createCounterMemory } from "../src/channel/layout.ts";
import { createCertificate } from "../src/cli/create-certificate.ts";
import { CorsRules } from "../src/data/decide/http/cors.ts";
import { ReservedNames } from "../src/data/decide/http/reserved.ts";
import type { GuardedRequest, Verdict } from "../src/data/guard/step.ts";
import { readFields } from "../src/http/scan.ts";
import type { KeySet } from "../src/lib/key-set.ts";
import type { Guard, RateLimit } from "../src/model/http/guard.ts";
import { issueClient } from "../test/support/client-certificates.ts";
import { placedGuard } from "../test/support/placed-guard.ts";
import { servedGuards } from "../test/support/served-guards.ts";

const callsPerRun = 1_000;

const notAfter = new Date(Date.now() + 86_400_000);
using dir = mkdtempDisposableSync(join(tmpdir(), "umay-bench-"));
const authority = await createCertificate({ commonName: "CA", notAfter });
const { cert } = await issueClient(dir.path, "a", authority, { subject: "CN=a" });
const certificate = new X509Certificate(readFileSync(cert));
const { publicKey, privateKey } = await generateKeyPair("ES256", { extractable: true });
const keys = { keys: [{ ...(await exportJWK(publicKey)), kid: "1" }] } as unknown as KeySet;
const tokenOf = (id: number): Promise<string> =>
  new SignJWT({ iss: "i", aud: "a", sub: "s", scope: "read write", jti: String(id) })
    .setProtectedHeader({ alg: "ES256", kid: "1" })
    .setExpirationTime("1h")
    .sign(privateKey);

const source = { kind: "file", file: "/none" } as const;
const limit: RateLimit = {
  kind: "rate-limit",
  name: "rate_limits.x",
  key: [[{ kind: "client-ip", v4: 32, v6: 64 }]],
  rate: { requests: 100_000_000, period: 1_000 },
  burst: 1_000_000,
  concurrent: undefined,
  keys: 65_536,
  fields: "refused",
};
const guards: readonly { readonly name: string; readonly guard: Guard }[] = [
  {
    name: "mtls",
    guard: { kind: "mtls", name: "auth.m", allow: [{ kind: "subject", attributes: ["CN=a"] }] },
  },
  {
    name: "basic, a password that was compared",
    guard: {
      kind: "basic",
      name: "auth.b",
      realm: "r",
      users: { source, hashes: new Map([["a", { kind: "bcrypt", text: hashSync("p", 4) }]]) },
    },
  },
  {
    name: "jwt, a token that was checked",
    guard: {
      kind: "jwt",
      name: "auth.j",
      keys: { kind: "set", source, set: keys },
      algorithms: ["ES256"],
      issuer: ["i"],
      audience: ["a"],
      skew: 0,
      from: [{ kind: "bearer" }],
      claims: [{ name: "scope", values: ["write"] }],
      user: "sub",
    },
  },
  { name: "rate by address, 65,536 of them", guard: limit },
  { name: "rate by field", guard: { ...limit, key: [[{ kind: "header", name: "x-user" }]] } },
  { name: "rate and concurrent", guard: { ...limit, concurrent: 1_000 } },
  {
    name: "rates for certain fields, the last of three counts beside the limit's own",
    guard: {
      ...limit,
      key: [[]],
      always: true,
      rates: [
        ["nobody", "somebody", "someone"].map((is) => ({
          key: [{ kind: "header", name: "x-user", is }],
          name: is,
          rate: { requests: 100_000_000, period: 1_000 },
          burst: 1_000_000,
          cost: 1,
        })),
      ],
    },
  },
  {
    name: "a fault that no request asks for",
    guard: {
      kind: "fault",
      name: "faults.f",
      when: { kind: "any" },
      delay: { percent: 100, unit: 1, time: "field" },
      abort: { percent: 100, unit: 1, answer: "field" },
    },
  },
];

const connection = { client: { getPeerX509Certificate: () => certificate }, tls: {} };
let next = 0;
const addresses = Array.from({ length: 65_536 }, (_, index) => `10.0.${index >> 8}.${index & 255}`);
const authorizations: Readonly<Record<string, string>> = {
  basic: `Basic ${Buffer.from("a:p").toString("base64")}`,
  jwt: `Bearer ${await tokenOf(0)}`,
};

class Asked implements GuardedRequest {
  readonly connection = connection as unknown as GuardedRequest["connection"];
  readonly route = "r";
  readonly passage = undefined;
  authorization = "";

  get client(): string {
    return addresses[next++ & 65_535]!;
  }

  header(name: string): string {
    return name === "authorization" ? this.authorization : "someone";
  }

  queryValue(): undefined {}
}

/** @returns the time of a call in the fastest of many thousands, which other work on the machine disturbs least, in nanoseconds. */
async function cost(call: () => void): Promise<number> {
  const bench = new Bench({ time: 500, warmupTime: 200, throws: true });
  bench.add("run", () => {
    for (let count = 0; count < callsPerRun; count++) call();
  });
  const [task] = await bench.run();
  if (task?.result.state !== "completed") throw new Error(`the benchmark ended as ${task?.result.state}`);
  return Math.round((task.result.latency.min * 1e6) / callsPerRun);
}

// The thread that compares passwords does not keep the process alive.
const alive = setInterval(() => {}, 1_000);
const rows: { readonly guard: string; readonly ns: number }[] = [];
for (const { name, guard } of guards) {
  const served = servedGuards(createCounterMemory());
  served.prepare(placedGuard(guard, 0))();
  const step = served.stepsOf([[guard.name]])[0]![0]!;
  const request = new Asked();
  request.authorization = authorizations[guard.kind] ?? "";
  const settled = Promise.withResolvers<Verdict>();
  const first = step.judge(request, { settle: settled.resolve });
  if (first.kind === "wait") await settled.promise;
  const waiter = {
    settle: (): never => {
      throw new Error("it has to wait");
    },
  };
  rows.push({
    guard: name,
    ns: await cost(() => {
      const verdict = step.judge(request, waiter);
      if (verdict.kind !== "pass") throw new Error("it was refused");
      verdict.held?.giveBack();
    }),
  });
}

const cors = new CorsRules({
  origins: ["https://*.example.com"],
  methods: [],
  headers: [],
  expose: [],
  credentials: true,
  maxAge: 0,
});
rows.push({
  guard: "cors, fields of an answer",
  ns: await cost(() => void cors.lines("https://app.example.com")),
});
const reserved = new ReservedNames(["remote-user", "remote-groups"]);
const fields = readFields(
  [
    "host: a",
    "user-agent: b",
    "accept: c",
    "accept-language: d",
    "cookie: e",
    "referer: f",
    "x-a: g",
    "x-b: h",
  ]
    .map((line) => `${line}\r\n`)
    .join(""),
);
const marks = new Uint8Array(16);
rows.push({
  guard: "forward, names that clients cannot send",
  ns: await cost(() => reserved.mark(fields, marks)),
});

const fresh = await Promise.all(Array.from({ length: 2_000 }, (_, index) => tokenOf(index + 1)));
const jwt = servedGuards(createCounterMemory());
jwt.prepare(placedGuard(guards[2]!.guard, 0))();
const step = jwt.stepsOf([["auth.j"]])[0]![0]!;
const began = performance.now();
for (let index = 0; index < fresh.length; index += 20)
  await Promise.all(
    fresh.slice(index, index + 20).map((token) => {
      const request = new Asked();
      request.authorization = `Bearer ${token}`;
      return new Promise((settle) => void step.judge(request, { settle }));
    }),
  );
rows.push({
  guard: "jwt, a new token (ES256), 20 at a time",
  ns: Math.round(((performance.now() - began) * 1e6) / fresh.length),
});

clearInterval(alive);
console.log(`Node ${process.versions.node}, ${cpus()[0]?.model}, ${new Date().toISOString().slice(0, 10)}`);
console.log("One request (fastest run of a thousand):");
console.table(rows);
