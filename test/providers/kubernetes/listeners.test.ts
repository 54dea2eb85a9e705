import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { parseAllDocuments } from "yaml";
import { Slices } from "../../../src/lib/slices.ts";
import type { Gateway, ListenerSet } from "../../../src/providers/kubernetes/gateway-api.ts";
import { noteConflicts } from "../../../src/providers/kubernetes/translate/conflicts.ts";
import { Spot } from "../../../src/providers/kubernetes/translate/spots.ts";
import { translate } from "../../../src/providers/kubernetes/translate/translate.ts";
import { testCertificates } from "../../support/certificates.ts";
import { growth } from "../../support/growth.ts";
import {
  asked,
  clusterFrom,
  oneGateway,
  optionsWith,
  type SceneObject,
  service,
  statusOf,
  told,
  translated,
} from "./scene.ts";

const gatewayClass = oneGateway.split("---")[0]!;

/** A Gateway with listeners, and what else its spec has. */
const gateway = (name: string, listeners: string, more = ""): string => `${gatewayClass}---
kind: Gateway
metadata: { name: ${name} }
spec:
  gatewayClassName: umay
  listeners: ${listeners}
${more}
---
`;

const route = (name: string, parent: string, hostnames = "[]"): string => `
kind: HTTPRoute
metadata: { name: ${name} }
spec:
  parentRefs: [${parent}]
  hostnames: ${hostnames}
  rules: [{ backendRefs: [{ name: ${name}, port: 80 }] }]
---
${service(name, ["10.0.0.1"])}`;

async function secret(name: string, namespace = "default"): Promise<string> {
  const { ecdsa } = await testCertificates();
  const [cert, key] = [ecdsa.cert, ecdsa.key].map((file) => readFileSync(file).toString("base64"));
  return `
kind: Secret
metadata: { name: ${name}, namespace: ${namespace} }
data: { tls.crt: ${cert}, tls.key: ${key} }
---
`;
}

const conditionsOf = (
  translation: Awaited<ReturnType<typeof translated>>,
  key: string,
): Record<string, string[]> =>
  Object.fromEntries(
    statusOf(translation, "Gateway", key).listeners.map(({ name, conditions }) => [name, told(conditions)]),
  );

test("a request finds the routes of the most specific listener alone", async () => {
  const translation = await translated(
    gateway(
      "web",
      `
  - { name: any, port: 80, protocol: HTTP }
  - { name: wide, port: 80, protocol: HTTP, hostname: "*.example.com" }
  - { name: one, port: 80, protocol: HTTP, hostname: a.example.com }`,
    ) +
      route("for-any", "{ name: web, sectionName: any }") +
      route("for-wide", "{ name: web, sectionName: wide }") +
      route("for-one", "{ name: web, sectionName: one }", "[a.example.com]").replace(
        "rules: [{ ",
        "rules: [{ matches: [{ path: { value: /x } }], ",
      ),
  );
  const pool = async (host: string, path = "/"): Promise<string> => asked(translation, { host, path });
  assert.equal(await pool("other.test"), "default/for-any/0 -> default/for-any:80");
  assert.equal(await pool("b.c.example.com"), "default/for-wide/0 -> default/for-wide:80");
  assert.equal(await pool("a.example.com", "/x"), "default/for-one/0 -> default/for-one:80 /x");
  // Neither of the wider listeners takes what this one leaves.
  assert.equal(await pool("a.example.com"), "404 no_route");
});

test("listeners that can't be told apart are all refused, and others are served", async () => {
  const translation = await translated(
    gateway(
      "web",
      `
  - { name: good, port: 8080, protocol: HTTP }
  - { name: plain, port: 80, protocol: HTTP }
  - { name: raw, port: 80, protocol: TCP }
  - { name: odd, port: 81, protocol: UDP }`,
    ) + route("app", "{ name: web }"),
  );
  assert.deepEqual(told(statusOf(translation, "Gateway", "default/web").conditions), [
    "Accepted=True/ListenersNotValid",
    "Programmed=True/Programmed",
    "ResolvedRefs=True/ResolvedRefs",
  ]);
  const conditions = conditionsOf(translation, "default/web");
  assert.ok(conditions["plain"]?.includes("Conflicted=True/ProtocolConflict"));
  assert.ok(conditions["raw"]?.includes("Accepted=False/ProtocolConflict"));
  assert.ok(conditions["odd"]?.includes("Accepted=False/UnsupportedProtocol"));
  assert.deepEqual(
    translation.model.listeners.map(({ name }) => name),
    ["port-8080"],
  );
});

test("a port that can't be bound takes its listeners out, and no others", async () => {
  const translation = await translated(
    gateway("web", "[{ name: a, port: 80, protocol: HTTP }, { name: b, port: 81, protocol: HTTP }]"),
    { unavailablePorts: new Map([[81, "port 81 is taken"]]) },
  );
  assert.ok(conditionsOf(translation, "default/web")["b"]?.includes("Accepted=False/PortUnavailable"));
  assert.equal(translation.model.listeners.length, 1);
});

test("TLS ends with the certificate of a Secret, and requests for another listener's host are misdirected", async () => {
  const listeners = `
  - { name: any, port: 443, protocol: HTTPS, tls: { certificateRefs: [{ name: cert }] } }
  - { name: one, port: 443, protocol: HTTPS, hostname: one.test, tls: { certificateRefs: [{ name: cert }] } }`;
  const translation = await translated(
    gateway("web", listeners) +
      (await secret("cert")) +
      route("app", "{ name: web, sectionName: any }", "[any.test]") +
      route("own", "{ name: web, sectionName: one }"),
  );
  assert.deepEqual([...translation.secretsWanted], ["default/cert"]);
  const [listener] = translation.model.listeners;
  assert.deepEqual(
    listener?.tls.map(({ name, certificates, alpn }) => [name, certificates.length, alpn]),
    [
      ["one.test", 1, ["h2", "http/1.1"]],
      ["*", 1, ["h2", "http/1.1"]],
    ],
  );
  assert.equal(
    await asked(translation, { sni: "any.test", host: "any.test" }),
    "default/app/0 -> default/app:80",
  );
  assert.equal(
    await asked(translation, { sni: "one.test", host: "one.test" }),
    "default/own/0 -> default/own:80",
  );
  assert.equal(await asked(translation, { sni: "any.test", host: "one.test" }), "421 misdirected");
  assert.equal(await asked(translation, { sni: "one.test", host: "any.test" }), "421 misdirected");
  assert.equal(await asked(translation, { sni: "any.test", host: "other.test" }), "404 no_route");
  const conditions = conditionsOf(translation, "default/web");
  assert.ok(conditions["any"]?.includes("OverlappingTLSConfig=True/OverlappingHostnames"));
});

test("a listener whose certificate is missing is not programmed, and wants the Secret", async () => {
  const listeners = "[{ name: a, port: 443, protocol: HTTPS, tls: { certificateRefs: [{ name: none }] } }]";
  const translation = await translated(gateway("web", listeners) + route("app", "{ name: web }"));
  assert.deepEqual(conditionsOf(translation, "default/web"), {
    a: [
      "Accepted=True/Accepted",
      "Programmed=False/Invalid",
      "ResolvedRefs=False/InvalidCertificateRef",
      "Conflicted=False/NoConflicts",
    ],
  });
  assert.deepEqual([...translation.secretsWanted], ["default/none"]);
  assert.equal(statusOf(translation, "Gateway", "default/web").listeners[0]?.attachedRoutes, 1);
  assert.deepEqual(translation.model.listeners, []);
});

test("a Secret of another namespace needs a grant there", async () => {
  const listeners =
    "[{ name: a, port: 443, protocol: HTTPS, tls: { certificateRefs: [{ name: cert, namespace: far }] } }]";
  const objects = gateway("web", listeners) + (await secret("cert", "far"));
  const refused = await translated(objects);
  assert.ok(conditionsOf(refused, "default/web")["a"]?.includes("ResolvedRefs=False/RefNotPermitted"));
  const grant = (name: string): string => `
kind: ReferenceGrant
metadata: { name: g, namespace: far }
spec:
  from: [{ group: gateway.networking.k8s.io, kind: Gateway, namespace: default }]
  to: [{ group: "", kind: Secret, name: ${name} }]
---
`;
  const allowed = await translated(objects + grant("cert"));
  assert.ok(conditionsOf(allowed, "default/web")["a"]?.includes("Programmed=True/Programmed"));
  const other = await translated(objects + grant("other"));
  assert.ok(conditionsOf(other, "default/web")["a"]?.includes("ResolvedRefs=False/RefNotPermitted"));
});

test("CAs that are missing keep clients out", async () => {
  const listeners = "[{ name: a, port: 443, protocol: HTTPS, tls: { certificateRefs: [{ name: cert }] } }]";
  const tls =
    "  tls: { frontend: { default: { validation: { caCertificateRefs: [{ kind: ConfigMap, name: ca }] } } } }";
  const objects = gateway("web", listeners, tls) + (await secret("cert"));
  const refused = await translated(objects);
  assert.deepEqual([...refused.configMapsWanted], ["default/ca"]);
  assert.ok(conditionsOf(refused, "default/web")["a"]?.includes("Accepted=False/NoValidCACertificate"));
  assert.deepEqual(refused.model.listeners, []);
  const { ca } = await testCertificates();
  const map = `
kind: ConfigMap
metadata: { name: ca }
data: { ca.crt: ${JSON.stringify(readFileSync(ca, "utf8"))} }
---
`;
  const served = await translated(objects + map);
  assert.equal(served.model.listeners[0]?.tls[0]?.clientAuth?.mode, "require");
});

test("ListenerSets add listeners to a Gateway that lets them in", async () => {
  const set = (name: string, namespace: string): string => `
kind: ListenerSet
metadata: { name: ${name}, namespace: ${namespace} }
spec:
  parentRef: { name: web, namespace: default }
  listeners:
  - { name: more, port: 81, protocol: HTTP }
  - { name: same, port: 80, protocol: HTTP }
---
`;
  const translation = await translated(
    gateway(
      "web",
      "[{ name: http, port: 80, protocol: HTTP }]",
      "  allowedListeners: { namespaces: { from: Same } }",
    ) +
      set("good", "default") +
      set("far", "other") +
      route("app", "{ kind: ListenerSet, name: good, sectionName: more }"),
  );
  assert.equal(statusOf(translation, "Gateway", "default/web").attachedListenerSets, 1);
  const good = statusOf(translation, "ListenerSet", "default/good");
  assert.deepEqual(told(good.conditions), ["Accepted=True/ListenersNotValid", "Programmed=True/Programmed"]);
  assert.ok(told(good.listeners[1]!.conditions).includes("Conflicted=True/HostnameConflict"));
  assert.deepEqual(told(statusOf(translation, "ListenerSet", "other/far").conditions), [
    "Accepted=False/NotAllowed",
    "Programmed=False/NotAllowed",
  ]);
  assert.equal(await asked(translation, { port: 81, host: "a.test" }), "default/app/0 -> default/app:80");
  assert.equal(await asked(translation, { host: "a.test" }), "404 no_route");
});

test("a ListenerSet without a listener that has a certificate is not accepted", async () => {
  const set = `
kind: ListenerSet
metadata: { name: dark, namespace: default }
spec:
  parentRef: { name: web }
  listeners:
  - { name: tls, port: 443, protocol: HTTPS, tls: { certificateRefs: [{ name: missing }] } }
---
`;
  const translation = await translated(
    gateway(
      "web",
      "[{ name: http, port: 80, protocol: HTTP }]",
      "  allowedListeners: { namespaces: { from: Same } }",
    ) + set,
  );
  assert.equal(statusOf(translation, "Gateway", "default/web").attachedListenerSets, 0);
  const { conditions, listeners } = statusOf(translation, "ListenerSet", "default/dark");
  assert.deepEqual(told(conditions), [
    "Accepted=False/ListenersNotValid",
    "Programmed=False/ListenersNotValid",
  ]);
  assert.ok(told(listeners[0]!.conditions).includes("ResolvedRefs=False/InvalidCertificateRef"));
});

test("with a pool of addresses each Gateway has one of its own, which it keeps", async () => {
  const objects =
    gateway("b", "[{ name: http, port: 80, protocol: HTTP }]") +
    gateway("a", "[{ name: http, port: 80, protocol: HTTP }]").replace(
      "kind: Gateway\n",
      "kind: Gateway\nstatus: { addresses: [{ value: 192.0.2.9 }] }\n",
    ) +
    gateway("c", "[{ name: http, port: 80, protocol: HTTP }]") +
    route("app", "{ name: a }");
  const translation = await translated(objects, { addressPool: ["192.0.2.8", "192.0.2.9"] });
  const addresses = (name: string): unknown => statusOf(translation, "Gateway", `default/${name}`).addresses;
  assert.deepEqual(addresses("a"), [{ type: "IPAddress", value: "192.0.2.9" }]);
  assert.deepEqual(addresses("b"), [{ type: "IPAddress", value: "192.0.2.8" }]);
  assert.deepEqual(addresses("c"), []);
  assert.ok(
    told(statusOf(translation, "Gateway", "default/c").conditions).includes(
      "Programmed=False/AddressNotAssigned",
    ),
  );
  assert.equal(
    await asked(translation, { host: "x", address: "192.0.2.9" }),
    "default/app/0 -> default/app:80",
  );
  assert.equal(await asked(translation, { host: "x", address: "192.0.2.8" }), "404 no_route");
});

test("Gateways without addresses of their own share a port, but not where one asks clients for certificates", async () => {
  const tls =
    "  tls: { frontend: { default: { validation: { caCertificateRefs: [{ kind: ConfigMap, name: ca }] } } } }";
  const listeners = "[{ name: a, port: 443, protocol: HTTPS, tls: { certificateRefs: [{ name: cert }] } }]";
  const translation = await translated(
    gateway("a", listeners, tls) + gateway("b", listeners) + (await secret("cert")),
  );
  assert.ok(conditionsOf(translation, "default/b")["a"]?.includes("Conflicted=True/HostnameConflict"));
});

test("Gateways of two namespaces that name a ConfigMap alike mean two, and don't share a hostname", async () => {
  const listeners = "[{ name: a, port: 443, protocol: HTTPS, tls: { certificateRefs: [{ name: cert }] } }]";
  const of = (namespace: string, more = ""): string =>
    gateway(
      "web",
      listeners,
      `  tls: { frontend: { default: { validation: { caCertificateRefs: [{ kind: ConfigMap, name: ca${more} }] } } } }`,
    ).replace("name: web", `name: web, namespace: ${namespace}`);
  const conflict = "Conflicted=True/HostnameConflict";
  const apart = await translated(of("one") + of("two"));
  assert.ok(conditionsOf(apart, "two/web")["a"]?.includes(conflict));
  const alike = await translated(of("one") + of("two", ", namespace: one"));
  assert.ok(!conditionsOf(alike, "two/web")["a"]?.includes(conflict));
});

test("a certificate that OpenSSL refuses is none", async (t) => {
  const directory = mkdtempSync(join(tmpdir(), "umay-"));
  t.after(() => rmSync(directory, { recursive: true }));
  const [cert, key] = ["cert", "key"].map((name) => join(directory, name)) as [string, string];
  const options = ["-x509", "-newkey", "rsa:1024", "-nodes", "-days", "90", "-subj", "/CN=weak"];
  execFileSync("openssl", ["req", ...options, "-out", cert, "-keyout", key], { stdio: "ignore" });
  const [pem, privateKey] = [cert, key].map((file) => readFileSync(file).toString("base64"));
  const listener =
    "[{ name: https, port: 443, protocol: HTTPS, tls: { certificateRefs: [{ name: weak }] } }]";
  const weak = `kind: Secret\nmetadata: { name: weak }\ndata: { tls.crt: ${pem}, tls.key: ${privateKey} }\n`;
  const translation = await translated(gateway("web", listener) + weak);
  assert.deepEqual(translation.model.listeners, []);
  assert.match(
    JSON.stringify(statusOf(translation, "Gateway", "default/web")),
    /OpenSSL refuses the certificate of Secret default\/weak: .*key too small/,
  );
});

test("of many ListenerSets at a port, each costs the same", async () => {
  const options = await optionsWith();
  const ratio = await growth([400, 4_000], (count) => {
    const objects = parseAllDocuments(
      gateway(
        "web",
        "[{ name: a, port: 80, protocol: HTTP }]",
        "  allowedListeners: { namespaces: { from: All } }",
      ),
    ).flatMap((document) => (document.toJS() as SceneObject | null) ?? []);
    const sets = Array.from({ length: count }, (_, index) => ({
      kind: "ListenerSet",
      metadata: { name: `s${index}` },
      spec: {
        parentRef: { name: "web" },
        listeners: [{ name: "b", port: 8080, protocol: "HTTP", hostname: `h${index}.test` }],
      },
    }));
    const cluster = clusterFrom([...objects, ...(sets as unknown as SceneObject[])]);
    return async () => assert.equal((await translate(cluster, options)).statuses.size, count + 2);
  });
  assert.ok(ratio < 40, `${ratio}`);
});

test("conflicts of many listeners at a port are found without comparing each with each", async () => {
  let reads = 0;
  const gateway: Gateway = { metadata: { name: "web" }, spec: { gatewayClassName: "umay", listeners: [] } };
  const spots = Array.from({ length: 2_000 }, (_, index) => {
    const object: ListenerSet = {
      metadata: { name: `s${index}` },
      spec: { parentRef: { name: "web" }, listeners: [] },
    };
    const spec = { name: "x", port: 443, protocol: "HTTPS", hostname: `h${index % 1_999}.test` };
    const spot = new Spot(gateway, { kind: "ListenerSet", object }, spec, "::");
    const { hostname } = spot;
    return Object.defineProperty(spot, "hostname", {
      get: () => {
        reads++;
        return hostname;
      },
    });
  });
  await noteConflicts(spots, new Slices());
  assert.deepEqual(
    spots.filter(({ isAccepted }) => !isAccepted).map(({ owner }) => owner.object.metadata.name),
    ["s1999"],
  );
  assert.ok(reads < 20 * spots.length, `${reads} looks at hostnames`);
});
