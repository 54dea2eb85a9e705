import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import type { Pool } from "../../../src/model/pool.ts";
import { backendsOf } from "../../../src/providers/kubernetes/translate/endpoints.ts";
import { testCertificates } from "../../support/certificates.ts";
import { clusterOf, oneGateway, service, statusOf, told, translated } from "./scene.ts";

const route = `
kind: HTTPRoute
metadata: { name: r }
spec: { parentRefs: [{ name: web }], rules: [{ backendRefs: [{ name: a, port: 80 }] }] }
---
`;

async function poolWith(objects: string, more = route): Promise<Pool> {
  const { model } = await translated(oneGateway + more + objects);
  assert.equal(model.pools.length, 1);
  return model.pools[0]!;
}

/** The addresses of the backends of Service `a`. */
function addresses(objects: string): readonly string[] {
  const { services, endpointSlices } = clusterOf(objects);
  const service = services.get("default/a")!;
  const slices = [...endpointSlices.values()];
  return backendsOf(service, service.spec!.ports![0]!, slices).map(({ address }) => address);
}

const slice = (name: string, endpoints: string, ports = "[{ port: 8080 }]", type = "IPv4"): string => `
kind: EndpointSlice
metadata: { name: ${name}, labels: { kubernetes.io/service-name: a } }
addressType: ${type}
ports: ${ports}
endpoints: ${endpoints}
---
`;
const bare = "kind: Service\nmetadata: { name: a }\nspec: { ports: [{ port: 80 }] }\n---\n";

test("ready endpoints of all slices are backends, and those that end only where none is ready", () => {
  const ending = "{ addresses: [10.0.0.3], conditions: { ready: false, serving: true, terminating: true } }";
  const dead = "{ addresses: [10.0.0.4], conditions: { ready: false, serving: false, terminating: true } }";
  const ready = "{ addresses: [10.0.0.1], conditions: { ready: true } }, { addresses: [10.0.0.1] }";
  assert.deepEqual(
    addresses(bare + slice("1", `[${ready}, ${ending}]`) + slice("2", "[{ addresses: [10.0.0.2] }]")),
    ["10.0.0.1:8080", "10.0.0.2:8080"],
  );
  assert.deepEqual(addresses(bare + slice("1", `[${ending}, ${dead}]`)), ["10.0.0.3:8080"]);
  assert.deepEqual(addresses(bare + slice("1", `[${dead}]`)), []);
});

test("an endpoint that is no address is left out", () => {
  const wrong = "{ addresses: [x.test] }, {}, { addresses: ['::g'] }";
  assert.deepEqual(addresses(bare + slice("1", `[${wrong}, { addresses: [10.0.0.2] }]`)), ["10.0.0.2:8080"]);
});

test("ports are found by their names, and of two families one counts", () => {
  const named = bare.replace("port: 80", "name: http, port: 80");
  const ports = "[{ name: other, port: 1 }, { name: http, port: 9 }]";
  assert.deepEqual(addresses(named + slice("1", "[{ addresses: [10.0.0.1] }]", ports)), ["10.0.0.1:9"]);
  const both =
    slice("4", "[{ addresses: [10.0.0.1] }]") +
    slice("6", '[{ addresses: ["2001:db8:0::1"] }]', "[{ port: 8080 }]", "IPv6");
  assert.deepEqual(addresses(bare + both), ["10.0.0.1:8080"]);
  const six = bare.replace("spec: {", 'spec: { clusterIP: "2001:db8::9",');
  assert.deepEqual(addresses(six + both), ["[2001:db8::1]:8080"]);
});

test("the protocol of a port says how its backends are spoken to", async () => {
  const spoken = async (protocol: string): Promise<[string, boolean | undefined]> => {
    const pool = await poolWith(service("a", ["10.0.0.1"], `, appProtocol: ${protocol}`));
    return [pool.http.version, pool.tls?.verify];
  };
  assert.deepEqual(await spoken("kubernetes.io/h2c"), ["2", undefined]);
  assert.deepEqual(await spoken("kubernetes.io/ws"), ["1.1", undefined]);
  assert.deepEqual(await spoken("https"), ["auto", false]);
  assert.deepEqual(await spoken("example.com/odd"), ["1.1", undefined]);
  const odd = await translated(oneGateway + route + service("a", [], ", appProtocol: kubernetes.io/odd"));
  assert.deepEqual(
    told(statusOf(odd, "HTTPRoute", "default/r").parents[0]!.conditions)[1],
    "ResolvedRefs=False/UnsupportedProtocol",
  );
});

test("calls of gRPC have a pool of their own, which speaks HTTP/2", async () => {
  const grpc = route
    .replace("HTTPRoute", "GRPCRoute")
    .replace("name: r", "name: g")
    .replace("rules: [{", "rules: [{ matches: [{ method: { service: s.S, method: M } }],");
  const { model } = await translated(oneGateway + route + grpc + service("a", ["10.0.0.1"]));
  assert.deepEqual(
    model.pools.map(({ name, http }) => [name, http.version]),
    [
      ["default/a:80", "1.1"],
      ["default/a:80 for gRPC", "2"],
    ],
  );
  const rules = model.routeTables[0]?.hosts.flatMap(({ rules: all }) =>
    all.map(({ match, route: { name } }) => [name, match.path?.kind, match.path?.value]),
  );
  assert.deepEqual(rules, [
    ["GRPCRoute default/g/0", "exact", "/s.S/M"],
    ["default/r/0", "prefix", ""],
  ]);
});

test("an ExternalName is not followed", async () => {
  const { model, statuses } = await translated(
    `${oneGateway + route}kind: Service\nmetadata: { name: a }\nspec: { type: ExternalName, externalName: metadata.internal, ports: [{ port: 80 }] }\n`,
  );
  assert.match(model.pools[0]?.invalid ?? "", /ExternalName/);
  assert.ok(statuses.has("HTTPRoute/default/r"));
});

const policy = (name: string, more: string, created = "2026-01-01T00:00:00Z"): string => `
kind: BackendTLSPolicy
metadata: { name: ${name}, creationTimestamp: "${created}" }
spec:
  targetRefs: [{ group: "", kind: Service, name: a }]
  validation: { hostname: a.test, ${more} }
---
`;

test("a BackendTLSPolicy says whom backends are to be, the oldest of several", async () => {
  const { ca } = await testCertificates();
  const map = `kind: ConfigMap\nmetadata: { name: ca }\ndata: { ca.crt: ${JSON.stringify(readFileSync(ca, "utf8"))} }\n---\n`;
  const good = policy(
    "good",
    "caCertificateRefs: [{ group: '', kind: ConfigMap, name: ca }], subjectAltNames: [{ type: URI, uri: 'spiffe://a/b' }]",
  );
  const late = policy("late", "wellKnownCACertificates: System", "2026-02-01T00:00:00Z");
  const translation = await translated(oneGateway + route + service("a", ["10.0.0.1"]) + map + good + late);
  const [pool] = translation.model.pools;
  assert.equal(pool?.http.version, "auto");
  assert.deepEqual(
    [pool?.tls?.verify, pool?.tls?.serverName, pool?.tls?.names, pool?.tls?.ca?.members.length],
    [true, "a.test", [{ kind: "uri", uri: "spiffe://a/b" }], 1],
  );
  const conditions = (name: string): string[] =>
    told(statusOf(translation, "BackendTLSPolicy", `default/${name}`).ancestors[0]!.conditions);
  assert.deepEqual(conditions("good"), ["Accepted=True/Accepted", "ResolvedRefs=True/ResolvedRefs"]);
  assert.deepEqual(conditions("late"), ["Accepted=False/Conflicted", "ResolvedRefs=True/ResolvedRefs"]);
});

test("a BackendTLSPolicy that can't be used lets no request through", async () => {
  const broken = policy("broken", "caCertificateRefs: [{ group: '', kind: ConfigMap, name: none }]");
  const translation = await translated(oneGateway + route + service("a", ["10.0.0.1"]) + broken);
  assert.match(translation.model.pools[0]?.invalid ?? "", /broken/);
  assert.deepEqual(
    told(statusOf(translation, "BackendTLSPolicy", "default/broken").ancestors[0]!.conditions),
    ["Accepted=False/NoValidCACertificate", "ResolvedRefs=False/InvalidCACertificateRef"],
  );
});

test("a Gateway shows its own certificate to backends with TLS", async () => {
  const { ecdsa } = await testCertificates();
  const [cert, key] = [ecdsa.cert, ecdsa.key].map((file) => readFileSync(file).toString("base64"));
  const secret = `kind: Secret\nmetadata: { name: own }\ndata: { tls.crt: ${cert}, tls.key: ${key} }\n---\n`;
  const gateway = oneGateway.replace(
    "  listeners:",
    "  tls: { backend: { clientCertificateRef: { name: own } } }\n  listeners:",
  );
  const system = policy("system", "wellKnownCACertificates: System");
  const { model } = await translated(gateway + route + service("a", ["10.0.0.1"]) + secret + system);
  assert.equal(model.pools[0]?.name, "default/a:80 from default/web");
  assert.equal(model.pools[0]?.tls?.certificate?.keyType, "ec");
  const missing = await translated(gateway + route);
  assert.ok(
    told(statusOf(missing, "Gateway", "default/web").conditions).includes(
      "ResolvedRefs=False/InvalidClientCertificateRef",
    ),
  );
});
