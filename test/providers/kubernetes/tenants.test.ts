import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import type { Translation } from "../../../src/providers/kubernetes/translate/translation.ts";
import { testCertificates } from "../../support/certificates.ts";
import { asked, oneGateway, service, translated } from "./scene.ts";

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

/** Secrets with a certificate for the hosts, and with a CA, in both namespaces. */
async function secrets(): Promise<string> {
  const { ecdsa, ca } = await testCertificates();
  const text = (file: string): string => readFileSync(file).toString("base64");
  return ["default", "late"]
    .flatMap((namespace) => [
      `kind: Secret\nmetadata: { name: cert, namespace: ${namespace} }\ndata: { tls.crt: ${text(ecdsa.cert)}, tls.key: ${text(ecdsa.key)} }\n---\n`,
      `kind: Secret\nmetadata: { name: ca, namespace: ${namespace} }\ndata: { ca.crt: ${text(ca)} }\n---\n`,
    ])
    .join("");
}

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
