import assert from "node:assert/strict";
import { mkdtempDisposableSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { createSecureContext } from "node:tls";
import { layout } from "../../../src/channel/layout.ts";
import { CertificateStore } from "../../../src/data/accept/certificates.ts";
import { room } from "../../../src/providers/kubernetes/translate/room.ts";
import { translate } from "../../../src/providers/kubernetes/translate/translate.ts";
import type { Translation } from "../../../src/providers/kubernetes/translate/translation.ts";
import { testCertificates } from "../../support/certificates.ts";
import { issue } from "../../support/issue.ts";
import {
  asked,
  clusterFrom,
  clusterOf,
  oneGateway,
  optionsWith,
  type SceneObject,
  service,
  statusOf,
  told,
  translated,
} from "./scene.ts";

/*
 * The namespace `default` is that of an older tenant, `late` is that of a younger one, who means harm.
 */

interface IngressOptions {
  readonly namespace?: "default" | "late";
  readonly host?: string;
  readonly path?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  /** Hosts with the certificate of the Secret `cert`. */
  readonly tls?: readonly string[];
}

function ingress(name: string, options: IngressOptions = {}): string {
  const { namespace = "default", host = "a.test", path = "/", annotations = {}, tls = [] } = options;
  return `${JSON.stringify({
    kind: "Ingress",
    metadata: {
      name,
      namespace,
      creationTimestamp: namespace === "default" ? "2026-01-01T00:00:00Z" : "2026-02-01T00:00:00Z",
      annotations: Object.fromEntries(
        Object.entries(annotations).map(([key, value]) => [`nginx.ingress.kubernetes.io/${key}`, value]),
      ),
    },
    spec: {
      ingressClassName: "umay",
      ...(tls.length > 0 && { tls: [{ hosts: tls, secretName: "cert" }] }),
      rules: [
        {
          host,
          http: {
            paths: [{ path, pathType: "Prefix", backend: { service: { name: "a", port: { number: 80 } } } }],
          },
        },
      ],
    },
  })}\n---\n`;
}

const both =
  service("a", ["10.0.0.1"]) + service("a", ["10.0.0.2"]).replaceAll("name: a", "namespace: late, name: a");

const nginx = { nginxAnnotations: true } as const;

const events = ({ events: all }: Translation): string[] =>
  all.map(({ about, reason }) => `${about.namespace}/${about.name} ${reason}`);

const base64 = (file: string): string => readFileSync(file).toString("base64");

/** Secrets with a certificate for the hosts, and with a CA, in both namespaces. */
async function secrets(): Promise<string> {
  const { ecdsa, ca } = await testCertificates();
  return ["default", "late"]
    .flatMap((namespace) => [
      `kind: Secret\nmetadata: { name: cert, namespace: ${namespace} }\ndata: { tls.crt: ${base64(ecdsa.cert)}, tls.key: ${base64(ecdsa.key)} }\n---\n`,
      `kind: Secret\nmetadata: { name: ca, namespace: ${namespace} }\ndata: { ca.crt: ${base64(ca)} }\n---\n`,
    ])
    .join("");
}

test("the certificate of a host is that of the oldest Ingress with it, whatever others have", async () => {
  using folder = mkdtempDisposableSync(join(tmpdir(), "umay-tenants-"));
  const made = (namespace: string, name: string): string => {
    const { cert, key } = issue(folder.path, namespace, { extensions: [`subjectAltName=${name}`] });
    return `kind: Secret\nmetadata: { name: cert, namespace: ${namespace} }\ndata: { tls.crt: ${base64(cert)}, tls.key: ${base64(key)} }\n---\n`;
  };
  for (const name of ["DNS:a.x.test,DNS:b.x.test", "DNS:*.x.test"]) {
    const translation = await translated(
      both +
        made("default", "DNS:*.x.test") +
        made("late", name) +
        ingress("i", { host: "a.x.test", tls: ["a.x.test"] }) +
        ingress("l", { namespace: "late", host: "b.x.test", tls: ["a.x.test", "b.x.test"] }),
      nginx,
    );
    const [listener] = translation.model.listeners.filter(({ tls }) => tls.length > 0);
    const store = new CertificateStore(listener!.tls[0]!.certificates, () => createSecureContext());
    const shown = (host: string): string[] =>
      store.choice(host).certificates.map(({ source }) => source.cert);
    assert.deepEqual(shown("a.x.test"), ["Secret default/cert"], name);
    assert.deepEqual(shown("b.x.test"), ["Secret late/cert"], name);
    assert.deepEqual(shown("c.x.test"), ["Secret default/cert"], name);
  }
});

test("a mirror to a Service changes nothing about how others ask it", async () => {
  const system = { validation: { wellKnownCACertificates: "System", hostname: "a.test" } };
  const policy = `${JSON.stringify({ kind: "BackendTLSPolicy", metadata: { name: "p" }, spec: { targetRefs: [{ name: "a" }], ...system } })}\n---\n`;
  const route = `kind: HTTPRoute\nmetadata: { name: r }\nspec: { parentRefs: [{ name: web }], rules: [{ backendRefs: [{ name: a, port: 80 }] }] }\n---\n`;
  for (const annotation of ["mirror-target", "auth-url"])
    for (const [scheme, more] of [
      ["http", ""],
      ["https", ":80"],
    ]) {
      const mirror = ingress("m", {
        namespace: "late",
        host: "m.test",
        annotations: { [annotation]: `${scheme}://a.default.svc.cluster.local${more}/` },
      });
      const translation = await translated(oneGateway + both + policy + route + mirror, nginx);
      const pools = translation.model.pools.filter(({ name }) => name.startsWith("default/a:80"));
      assert.deepEqual(
        pools.map(({ name, tls, http }) => [name, tls?.verify, tls?.serverName, http.version]),
        [["default/a:80", true, "a.test", "auto"]],
      );
    }
  const h2c = both.replaceAll("port: 80 ", "port: 80, appProtocol: kubernetes.io/h2c ");
  const mirror = ingress("m", {
    namespace: "late",
    host: "m.test",
    annotations: { "mirror-target": "http://a.default.svc.cluster.local/" },
  });
  const { model } = await translated(oneGateway + h2c + route + mirror, nginx);
  assert.equal(model.pools.find(({ name }) => name === "default/a:80")?.http.version, "2");
});

test("a canary of another namespace gets no request", async () => {
  const canary = (namespace: "default" | "late"): string =>
    ingress("c", {
      namespace,
      annotations: { canary: "true", "canary-weight": "100", "canary-by-header": "x-new" },
    });
  const translation = await translated(both + ingress("i") + canary("late"), nginx);
  assert.equal(await asked(translation, { host: "a.test" }), "Ingress default/i/0.0 -> default/a:80");
  assert.equal(
    await asked(translation, { host: "a.test", headers: { "x-new": "always" } }),
    "Ingress default/i/0.0 -> default/a:80",
  );
  assert.deepEqual(events(translation), ["late/c PathTaken"]);
  const own = await translated(both + ingress("i") + canary("default"), nginx);
  assert.deepEqual(events(own), []);
});

test("what an older Ingress of another namespace has stays TLS that ends at umay, with its certificate", async () => {
  const older = ingress("i", { tls: ["a.test"] });
  for (const annotations of [
    { "ssl-passthrough": "true" },
    { "ssl-passthrough": "true", canary: "true", "canary-weight": "1" },
    { "auth-tls-secret": "ca" },
  ] as Readonly<Record<string, string>>[])
    for (const host of ["a.test", "*.test"]) {
      const translation = await translated(
        (await secrets()) +
          both +
          older +
          ingress("evil", { namespace: "late", host, path: "/evil", tls: [host], annotations }),
        nginx,
      );
      const of = `${Object.keys(annotations)[0]} ${host}`;
      assert.equal(
        await asked(translation, { sni: "a.test", host: "a.test" }),
        "Ingress default/i/0.0 -> default/a:80",
        of,
      );
      const [listener] = translation.model.listeners.filter(({ tls }) => tls.length > 0);
      assert.deepEqual(
        listener!.tls.map(({ name, clientAuth }) => [name, clientAuth]),
        [["*", undefined]],
        of,
      );
      assert.ok(events(translation).includes("late/evil HostTaken"), `${of}: ${events(translation)}`);
    }
});

/** The route of the older tenant, at a Gateway of its own that is younger than `web`, and its Ingress. */
const victims = `
kind: Gateway
metadata: { name: young, creationTimestamp: "2026-01-01T00:00:00Z" }
spec:
  gatewayClassName: umay
  listeners: [{ name: http, port: 81, protocol: HTTP }]
---
kind: HTTPRoute
metadata: { name: r, creationTimestamp: "2026-01-02T00:00:00Z" }
spec: { parentRefs: [{ name: young }], rules: [{ backendRefs: [{ name: a, port: 80 }] }] }
---
`;
const open = oneGateway.replace(
  "protocol: HTTP }",
  "protocol: HTTP, allowedRoutes: { namespaces: { from: All } } }",
);

/** Routes of the younger tenant, at the older Gateway. @param rule by its number in the route. */
const many = (count: number, rule: (index: number) => object): readonly SceneObject[] =>
  Array.from({ length: Math.ceil(count / 16) }, (_, at) => ({
    kind: "HTTPRoute",
    metadata: { name: `r${at}`, namespace: "late", creationTimestamp: "2026-02-01T00:00:00Z" },
    spec: {
      parentRefs: [{ name: "web", namespace: "default" }],
      hostnames: [`r${at}.test`],
      rules: Array.from({ length: 16 }, (_value, index) => rule(at * 16 + index)),
    },
  }));

/** The cluster of both, and what is served of the older tenant's. */
async function crowded(routes: readonly SceneObject[]): Promise<Translation> {
  const quiet = clusterOf(open + both + victims + ingress("i"));
  const { httpRoutes } = clusterFrom(routes);
  const translation = await translate(
    { ...quiet, httpRoutes: new Map([...httpRoutes, ...quiet.httpRoutes]) },
    await optionsWith(),
  );
  assert.equal(await asked(translation, { port: 81, host: "r.test" }), "default/r/0 -> default/a:80");
  assert.equal(await asked(translation, { host: "a.test" }), "Ingress default/i/0.0 -> default/a:80");
  const { pools, listeners, routeTables } = translation.model;
  assert.ok(pools.length <= layout.pool.capacity && listeners.length <= layout.listener.capacity);
  const rules = routeTables.flatMap(({ hosts }) =>
    hosts.flatMap((host) => host.rules.map(({ route }) => route.name)),
  );
  assert.ok(new Set(rules).size <= layout.route.capacity);
  return translation;
}

test("of more rules than there is room for, the youngest are refused, at whatever Gateway they are", async () => {
  const translation = await crowded(
    many(room.rules + 16, (index) => ({
      matches: [{ path: { value: `/${index}` } }],
      backendRefs: [{ name: "a", port: 80 }],
    })),
  );
  const refused = translation.events.filter(({ reason }) => reason === "NotServed");
  assert.equal(refused.length, 18);
  assert.ok(refused.every(({ about }) => about.namespace === "late"));
  const { namespace, name } = refused[0]!.about;
  const { parents } = statusOf(translation, "HTTPRoute", `${namespace}/${name}`);
  assert.ok(told(parents[0]!.conditions).includes("PartiallyInvalid=True/UnsupportedValue"));
});

test("of more backends than there is room for, those of the youngest routes can't be had", async () => {
  const names = (rule: number): object[] =>
    Array.from({ length: 16 }, (_, index) => ({ name: `none-${rule}-${index}`, port: 80 }));
  const translation = await crowded(
    many(room.pools / 16 + 16, (index) => ({
      matches: [{ path: { value: `/${index}` } }],
      backendRefs: names(index),
    })),
  );
  const refused = translation.events.filter(({ reason }) => reason === "NotServed");
  assert.ok(refused.length > 0);
  const { about, message } = refused[0]!;
  assert.equal(about.namespace, "late");
  const [, host, rule] = /^late\/(r\d+)\/(\d+): there is room for 16000 pools$/.exec(message) ?? [];
  const path = `/${Number(host!.slice(1)) * 16 + Number(rule)}`;
  assert.match(await asked(translation, { host: `${host}.test`, path }), /-> more \(invalid\)/);
});

test("of more ports than there is room for, the youngest listeners are refused, of an older Gateway too", async () => {
  const sets = Array.from({ length: Math.ceil(room.places / 64) + 1 }, (_, at) => ({
    kind: "ListenerSet",
    metadata: { name: `s${10 + at}`, namespace: "late", creationTimestamp: "2026-02-01T00:00:00Z" },
    spec: {
      parentRef: { name: "web", namespace: "default" },
      listeners: Array.from({ length: 64 }, (_value, index) => ({
        name: `l${index}`,
        port: 1_000 + at * 64 + index,
        protocol: "HTTP",
      })),
    },
  }));
  const letsIn = open.replace("listeners:", "allowedListeners: { namespaces: { from: All } }\n  listeners:");
  const quiet = clusterOf(letsIn + both + victims + ingress("i"));
  const { listenerSets } = clusterFrom(sets);
  const translation = await translate({ ...quiet, listenerSets }, await optionsWith());
  assert.ok(translation.model.listeners.length <= room.places && room.places < layout.listener.capacity);
  assert.equal(await asked(translation, { port: 81, host: "r.test" }), "default/r/0 -> default/a:80");
  assert.equal(await asked(translation, { host: "a.test" }), "Ingress default/i/0.0 -> default/a:80");
  const last = statusOf(translation, "ListenerSet", `late/s${10 + sets.length - 1}`).listeners.at(-1)!;
  assert.ok(told(last.conditions).includes("Accepted=False/PortUnavailable"), told(last.conditions).join());
});
