import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { indexTable } from "../../../src/data/decide/http/routing.ts";
import type { HttpRoute } from "../../../src/model/http/route.ts";
import type { Translation } from "../../../src/providers/kubernetes/translate/translation.ts";
import { testCertificates } from "../../support/certificates.ts";
import { asked, oneGateway, service, statusOf, translated } from "./scene.ts";

const services = ["a", "b"].map((name) => service(name, [`10.0.0.${name.charCodeAt(0)}`])).join("");

/** @param spec of an Ingress of class `umay`. */
const ingress = (
  name: string,
  spec: string,
  annotations = "{}",
  created = "2026-01-01T00:00:00Z",
): string => `
kind: Ingress
metadata: { name: ${name}, creationTimestamp: "${created}", annotations: ${annotations} }
spec:
  ingressClassName: umay
  ${spec}
---
`;

const path = (pathText: string, pool: string, type = "Prefix"): string =>
  `{ path: "${pathText}", pathType: ${type}, backend: { service: { name: ${pool}, port: { number: 80 } } } }`;
const rule = (host: string, ...paths: string[]): string =>
  `rules: [{ ${host === "" ? "" : `host: "${host}", `}http: { paths: [${paths.join(", ")}] } }]`;

async function secret(name: string, data = "tls"): Promise<string> {
  const { ecdsa, ca } = await testCertificates();
  const text = (file: string): string => readFileSync(file).toString("base64");
  const keys = [
    ...(data.includes("ca") ? [`ca.crt: ${text(ca)}`] : []),
    ...(data.includes("tls") ? [`tls.crt: ${text(ecdsa.cert)}, tls.key: ${text(ecdsa.key)}`] : []),
  ];
  return `kind: Secret\nmetadata: { name: ${name} }\ndata: { ${keys.join(", ")} }\n---\n`;
}

const routes = (translation: Translation): readonly HttpRoute[] =>
  translation.model.routeTables.flatMap(({ hosts }) =>
    hosts.flatMap(({ rules }) => rules.map(({ route }) => route)),
  );

const nginx = (annotations: Readonly<Record<string, string>>): string =>
  JSON.stringify(
    Object.fromEntries(
      Object.entries(annotations).map(([name, value]) => [`nginx.ingress.kubernetes.io/${name}`, value]),
    ),
  );

/** An Ingress of a.test with these annotations, served as ingress-nginx would. */
async function annotated(
  annotations: Readonly<Record<string, string>>,
  more = "",
  spec = rule("a.test", path("/", "a")),
): Promise<Translation> {
  return translated(services + more + ingress("i", spec, nginx(annotations)), { nginxAnnotations: true });
}

test("an Ingress of the class is served on port 80, and has umay's addresses", async () => {
  const translation = await translated(
    services +
      ingress("i", rule("a.test", path("/x", "a"), path("/x/y", "b", "Exact"))) +
      ingress("other", rule("b.test", path("/", "a"))).replace("umay", "nginx"),
  );
  const to = async (host: string, at: string): Promise<string> => asked(translation, { host, path: at });
  assert.equal(await to("a.test", "/x/z"), "Ingress default/i/0.0 -> default/a:80 /x/z");
  assert.equal(await to("a.test", "/x/y"), "Ingress default/i/0.1 -> default/b:80 /x/y");
  assert.equal(await to("a.test", "/xy"), "404 no_route");
  assert.equal(await to("b.test", "/"), "404 no_route");
  assert.deepEqual(statusOf(translation, "Ingress", "default/i"), {
    loadBalancer: { ingress: [{ ip: "192.0.2.1" }] },
  });
  assert.equal(translation.statuses.has("Ingress/default/other"), false);
});

test("classes count by their controller, by the annotation of old, and by default", async () => {
  const classes = `
kind: IngressClass
metadata: { name: other, annotations: { ingressclass.kubernetes.io/is-default-class: "true" } }
spec: { controller: umay.dev/ingress-controller }
---
`;
  const plain = ingress("i", rule("a.test", path("/", "a")));
  const served = async (text: string, more = ""): Promise<boolean> =>
    (await translated(services + more + text)).statuses.has("Ingress/default/i");
  const bare = plain.replace("ingressClassName: umay", "");
  assert.equal(await served(plain.replace("ingressClassName: umay", "ingressClassName: other")), false);
  assert.equal(
    await served(plain.replace("ingressClassName: umay", "ingressClassName: other"), classes),
    true,
  );
  assert.equal(await served(bare), false);
  assert.equal(await served(bare, classes), true);
  assert.equal(
    await served(bare.replace("annotations: {}", "annotations: { kubernetes.io/ingress.class: umay }")),
    true,
  );
});

test("the default backend takes what no rule does, on every host", async () => {
  const translation = await translated(
    services +
      ingress(
        "i",
        `${rule("a.test", path("/x", "a"))}\n  defaultBackend: { service: { name: b, port: { number: 80 } } }`,
      ),
  );
  assert.match(await asked(translation, { host: "a.test", path: "/y" }), /default\/b:80/);
  assert.match(await asked(translation, { host: "z.test" }), /default\/b:80/);
});

test("a path that an older Ingress has stays its own, and the newer one is told", async () => {
  const translation = await translated(
    services +
      ingress("a", rule("a.test", path("/", "a")), "{}", "2026-02-01T00:00:00Z") +
      ingress("b", rule("a.test", path("/", "b"))),
  );
  assert.equal(await asked(translation, { host: "a.test" }), "Ingress default/b/0.0 -> default/b:80");
  assert.deepEqual(
    translation.events.map(({ about, reason }) => [about.name, reason]),
    [["a", "PathTaken"]],
  );
});

test("Gateways and Ingresses share a port, and the route of a Gateway wins", async () => {
  const route = `
kind: HTTPRoute
metadata: { name: r }
spec: { parentRefs: [{ name: web }], hostnames: [a.test], rules: [{ backendRefs: [{ name: b, port: 80 }] }] }
---
`;
  const translation = await translated(
    oneGateway + route + services + ingress("i", rule("a.test", path("/", "a"), path("/x", "a"))),
  );
  assert.equal(await asked(translation, { host: "a.test" }), "default/r/0 -> default/b:80");
  assert.equal(
    await asked(translation, { host: "a.test", path: "/x" }),
    "Ingress default/i/0.1 -> default/a:80 /x",
  );
});

test("certificates of TLS Secrets make a listener for HTTPS", async () => {
  const spec = `${rule("a.test", path("/", "a"))}\n  tls: [{ hosts: [a.test], secretName: cert }, { hosts: [b.test], secretName: none }]`;
  const translation = await translated(services + (await secret("cert")) + ingress("i", spec));
  assert.match(await asked(translation, { sni: "a.test", host: "a.test" }), /default\/a:80/);
  assert.match(await asked(translation, { host: "a.test" }), /default\/a:80/);
  assert.deepEqual(
    translation.events.map(({ reason }) => reason),
    ["BadCertificate"],
  );
});

test("with annotations of ingress-nginx clients of a host with TLS are sent to https", async () => {
  const spec = `${rule("a.test", path("/", "a"))}\n  tls: [{ hosts: [a.test], secretName: cert }]`;
  const sent = await annotated({}, await secret("cert"), spec);
  assert.equal(await asked(sent, { host: "a.test", path: "/x?y" }), "308 https://a.test/x?y");
  assert.match(await asked(sent, { sni: "a.test", host: "a.test" }), /default\/a:80/);
  const kept = await annotated({ "ssl-redirect": "false" }, await secret("cert"), spec);
  assert.match(await asked(kept, { host: "a.test" }), /default\/a:80/);
  const forced = await annotated({ "force-ssl-redirect": "true" });
  assert.equal(await asked(forced, { host: "a.test" }), "308 https://a.test/");
});

test("rewrite-target replaces the whole path, with groups of a regular expression", async () => {
  const groups = await annotated(
    { "rewrite-target": "/$2" },
    "",
    rule("a.test", path("/app(/|$)(.*)", "a", "ImplementationSpecific")),
  );
  assert.equal(
    await asked(groups, { host: "a.test", path: "/app/x/y" }),
    "Ingress default/i/0.0 -> default/a:80 /x/y",
  );
  assert.equal(
    await asked(groups, { host: "a.test", path: "/APP" }),
    "Ingress default/i/0.0 -> default/a:80",
  );
  assert.equal(await asked(groups, { host: "a.test", path: "/other" }), "404 no_route");
  const fixed = await annotated({ "rewrite-target": "/new" }, "", rule("a.test", path("/old", "a")));
  assert.equal(
    await asked(fixed, { host: "a.test", path: "/old/x" }),
    "Ingress default/i/0.0 -> default/a:80 /new",
  );
});

test("redirects, the app's root and the other www", async () => {
  const moved = await annotated({
    "permanent-redirect": "https://b.test/x",
    "permanent-redirect-code": "308",
  });
  assert.equal(await asked(moved, { host: "a.test" }), "308 https://b.test/x");
  const root = await annotated({ "app-root": "/app", "from-to-www-redirect": "true" });
  assert.equal(await asked(root, { host: "a.test" }), "302 http://a.test/app");
  assert.match(await asked(root, { host: "a.test", path: "/x" }), /default\/a:80/);
  assert.equal(await asked(root, { host: "www.a.test", path: "/x" }), "308 http://a.test/x");
});

test("a canary gets its part by header, by cookie and by weight", async () => {
  const canary = (annotations: Record<string, string>): string =>
    ingress("c", rule("a.test", path("/", "b")), nginx({ canary: "true", ...annotations }));
  const translation = await annotated(
    {},
    canary({ "canary-by-header": "X-New", "canary-by-cookie": "new", "canary-weight": "10" }),
  );
  const pool = async (headers: Record<string, string>): Promise<string> =>
    (await asked(translation, { host: "a.test", headers })).split(" -> ")[1]!;
  assert.equal(await pool({}), "default/a:80 (90), default/b:80 (10)");
  assert.equal(await pool({ "x-new": "always" }), "default/b:80");
  assert.equal(await pool({ "x-new": "never", cookie: "new=always" }), "default/a:80");
  assert.equal(await pool({ cookie: "x=1; new=always" }), "default/b:80");
  assert.equal(await pool({ cookie: "renew=always" }), "default/a:80 (90), default/b:80 (10)");
});

test("time limits, sizes, retries, cookies, CORS, hosts and pools follow the annotations", async () => {
  const translation = await annotated({
    "proxy-read-timeout": "90",
    "proxy-send-timeout": "120s",
    "proxy-connect-timeout": "2",
    "proxy-body-size": "8m",
    "proxy-next-upstream": "error timeout http_503",
    "proxy-next-upstream-tries": "3",
    affinity: "cookie",
    "session-cookie-name": "route",
    "session-cookie-max-age": "60",
    "enable-cors": "true",
    "cors-allow-origin": "https://*.a.test",
    "upstream-vhost": "in.test",
    "x-forwarded-prefix": "/p",
    "load-balance": "ewma",
    "backend-protocol": "HTTPS",
    "allowlist-source-range": "10.0.0.0/8, 198.51.100.0/24",
    "server-alias": "b.test",
    "enable-access-log": "false",
  });
  const [route] = routes(translation);
  assert.deepEqual(
    [route?.timeouts.firstByte, route?.timeouts.idle, route?.maxBody, route?.rewrite.host],
    [90_000, 120_000, 8 * 1_048_576, "in.test"],
  );
  assert.deepEqual([route?.retry.attempts, route?.retry.statuses], [2, [503]]);
  assert.deepEqual([route?.sticky?.cookie, route?.sticky?.maxAge], ["route", 60_000]);
  assert.deepEqual(route?.cors?.origins, ["https://*.a.test"]);
  assert.deepEqual(route?.requestFields.set, { "x-forwarded-prefix": ["/p"] });
  assert.equal(route?.allow.length, 2);
  assert.deepEqual(route?.log, { percent: 0, errors: true });
  const [pool] = translation.model.pools;
  assert.equal(pool?.name, "default/a:80 for Ingress default/i");
  assert.deepEqual(
    [pool?.picker.type, pool?.connect.timeout, pool?.tls?.verify, pool?.http.version],
    ["peak-ewma", 2_000, false, "auto"],
  );
  assert.match(await asked(translation, { host: "b.test" }), /default\/a:80/);
  assert.deepEqual(translation.events, []);
});

test("passwords, an auth server and rate limits guard the routes", async () => {
  const users = Buffer.from("ann:$2y$05$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01234").toString(
    "base64",
  );
  const translation = await annotated(
    {
      "auth-type": "basic",
      "auth-secret": "users",
      "auth-url": "http://b.default.svc.cluster.local/verify",
      "auth-response-headers": "X-User",
      "limit-rps": "10",
      "limit-connections": "3",
    },
    `kind: Secret\nmetadata: { name: users }\ndata: { auth: ${users} }\n---\n`,
  );
  assert.deepEqual(translation.events, []);
  const guards = translation.model.routeTables[0]?.guards ?? [];
  assert.deepEqual(
    guards.map(({ name }) => name),
    [
      "rate_limits.default/i a second",
      "rate_limits.default/i at a time",
      "auth.default/i",
      "auth.default/i url",
    ],
  );
  const forward = guards.find(({ kind }) => kind === "forward");
  assert.equal(forward?.kind === "forward" && forward.pool, "default/b:80");
  assert.deepEqual(
    routes(translation)[0]?.guards,
    guards.map(({ name }) => [name]),
  );
});

test("where a rule about who may come in can't be read, nobody comes in", async () => {
  for (const [annotations, reason] of [
    [{ "auth-type": "basic", "auth-secret": "none" }, /no Secret default\/none/],
    [{ "allowlist-source-range": "everybody" }, /expected addresses/],
    [{ "auth-type": "basic", "auth-secret": "far/users" }, /another namespace/],
    [{ satisfy: "any" }, /expected all/],
  ] as const) {
    const translation = await annotated(annotations);
    assert.match(await asked(translation, { host: "a.test" }), /invalid/);
    assert.match(translation.events[0]?.message ?? "", reason);
  }
});

test("an annotation that umay does not have is told, and so is a value that it can't take", async () => {
  const translation = await annotated({
    "configuration-snippet": "deny all;",
    "auth-response-headers": "X(User)",
    "proxy-body-size": "huge",
    "proxy-buffering": "on",
  });
  assert.deepEqual(
    translation.events.map(({ reason, message }) => [reason, /\/([\w-]+)[: ]/.exec(message)?.[1]]),
    [
      ["BadAnnotation", "auth-response-headers"],
      ["BadAnnotation", "proxy-body-size"],
      ["BadAnnotation", "proxy-buffering"],
      ["UnknownAnnotation", "configuration-snippet"],
    ],
  );
  const silent = await translated(
    services + ingress("i", rule("a.test", path("/", "a")), nginx({ "proxy-body-size": "huge" })),
  );
  assert.deepEqual(silent.events, []);
});

test("hosts that ask clients for certificates, or pass TLS through, have a listener of their own", async () => {
  const spec = `${rule("a.test", path("/", "a"))}\n  tls: [{ hosts: [a.test], secretName: cert }]`;
  const secrets = (await secret("cert")) + (await secret("ca", "ca"));
  const asking = await annotated(
    { "auth-tls-secret": "default/ca", "auth-tls-match-cn": "CN=ann" },
    secrets,
    spec,
  );
  const tls = asking.model.listeners.find(({ name }) => name === "port-443")?.tls[0];
  assert.deepEqual(
    [tls?.name, tls?.clientAuth?.mode, tls?.clientAuth?.allow],
    ["a.test", "require", [{ kind: "subject", attributes: ["CN=ann"] }]],
  );
  assert.match(await asked(asking, { sni: "a.test", host: "a.test" }), /default\/a:80/);
  const passing = await annotated({ "ssl-passthrough": "true" });
  assert.equal(await asked(passing, { sni: "a.test", host: "a.test" }), "passthrough -> default/a:80");
});

test("an auth server or a mirror is on another machine", async () => {
  for (const host of [
    "127.0.0.1:9901",
    "[::1]:9901",
    "[::ffff:127.0.0.1]",
    "169.254.169.254",
    "0.0.0.0",
    "$host",
  ]) {
    const translation = await annotated({
      "auth-url": `http://${host}/`,
      "mirror-target": `http://${host}/`,
    });
    assert.match(await asked(translation, { host: "a.test" }), /invalid/);
    assert.deepEqual(routes(translation)[0]?.mirrors, [], host);
    assert.deepEqual(
      translation.events.map(({ reason }) => reason),
      ["BadAnnotation", "BadAnnotation"],
    );
  }
  const named = await annotated({
    "auth-url": "http://[fd00::1]:81/",
    "mirror-target": "http://localhost:9901",
  });
  assert.match(await asked(named, { host: "a.test" }), /default\/a:80/);
  const external = named.model.pools.flatMap(({ name, discovery }) =>
    discovery.type === "static" ? [[name, discovery.elsewhere]] : [],
  );
  assert.deepEqual(external, [
    ["[fd00::1]:81", true],
    ["localhost:9901", true],
  ]);
});

test("a BackendTLSPolicy that can't be used lets no request of an Ingress through", async () => {
  const policy = `
kind: BackendTLSPolicy
metadata: { name: broken }
spec:
  targetRefs: [{ group: "", kind: Service, name: a }]
  validation: { hostname: a.test, caCertificateRefs: [{ group: "", kind: ConfigMap, name: none }] }
---
`;
  const { model, events } = await translated(
    services + policy + ingress("i", rule("a.test", path("/", "a"))),
  );
  assert.match(model.pools[0]?.invalid ?? "", /BackendTLSPolicy broken/);
  assert.match(events[0]?.message ?? "", /BackendTLSPolicy broken/);
});

test("an Ingress's certificate for a backend whose Service says that it speaks TLS is its own, and so is its check", async () => {
  const { model } = await translated(
    service("a", ["10.0.0.1"], ", appProtocol: https") +
      (await secret("own", "tls and ca")) +
      ingress("bare", rule("bare.test", path("/", "a"))) +
      ingress(
        "i",
        rule("a.test", path("/", "a")),
        nginx({ "proxy-ssl-secret": "default/own", "proxy-ssl-verify": "on" }),
      ),
    { nginxAnnotations: true },
  );
  assert.deepEqual(
    model.pools.map(({ name, tls }) => [name, tls?.certificate?.keyType, tls?.verify]),
    [
      ["default/a:80", undefined, false],
      ["default/a:80 for Ingress default/i", "ec", true],
    ],
  );
});

test("an Ingress that asks clients for certificates gets no request of those that nobody asked", async () => {
  const other = `${rule("other.test", path("/", "b"))}\n  tls: [{ hosts: [other.test], secretName: other }]`;
  const secrets = (await secret("cert")) + (await secret("other")) + (await secret("ca", "ca"));
  const asks = { "auth-tls-secret": "default/ca" };
  const served = async (
    tls: string,
    more = "",
    annotations: Record<string, string> = asks,
  ): Promise<string[]> => {
    const translation = await annotated(
      annotations,
      secrets + ingress("o", other) + more,
      `${rule("a.test", path("/", "a"))}\n  tls: ${tls}`,
    );
    const request = { host: "a.test" };
    return [
      await asked(translation, { ...request, sni: "a.test" }),
      await asked(translation, { ...request, sni: "other.test" }),
      await asked(translation, { ...request, sni: "" }),
      await asked(translation, request),
    ].filter((outcome) => outcome.includes("default/a:80"));
  };
  const good = "[{ hosts: [a.test], secretName: cert }]";
  const one = ["Ingress default/i/0.0 -> default/a:80"];
  assert.deepEqual(await served(good), one);
  assert.deepEqual(await served(good, "", { ...asks, "ssl-redirect": "false" }), one);
  for (const tls of [
    "[{ hosts: [a.test], secretName: gone }]",
    "[{ secretName: cert }]",
    "[]",
    "[{ hosts: [b.test], secretName: cert }]",
  ])
    assert.deepEqual(await served(tls), [], tls);
  const older = ingress(
    "older",
    rule("a.test", path("/x", "b")).concat(`\n  tls: ${good}`),
    nginx({
      "auth-tls-secret": "ca",
      "auth-tls-verify-client": "optional",
    }),
    "2025-01-01T00:00:00Z",
  );
  assert.deepEqual(await served(good, older), []);
  const shared = `${oneGateway.replace("port: 80, protocol: HTTP", "port: 443, protocol: HTTPS, hostname: a.test, tls: { certificateRefs: [{ name: cert }] }")}`;
  assert.deepEqual(await served(good, shared), []);
});

test("values of annotations that cannot be served are told, and the others are served", async () => {
  const map = `
kind: ConfigMap
metadata: { name: fields }
data: { Content-Length: "5", x-one: "1" }
---
kind: ConfigMap
metadata: { name: fields, namespace: far }
data: { x-secret: "1" }
---
`;
  for (const [annotations, reason] of [
    [{ "custom-headers": "fields" }, /Content-Length/],
    [{ "custom-headers": "far/fields" }, /another namespace/],
    [{ canary: "true", "canary-by-cookie": "é" }, /name of a cookie/],
    [{ canary: "true", "canary-by-header": "a b" }, /name of a header/],
    [{ "server-alias": "~^.+\\.x$" }, /expected hosts/],
    [{ "enable-cors": "true", "cors-expose-headers": "X\u010aY" }, /names of headers/],
    [{ "enable-cors": "true", "cors-allow-methods": "GET\u0001" }, /names of methods/],
  ] as const) {
    const translation = await annotated(annotations, map);
    assert.match(translation.events[0]?.message ?? "", reason);
    for (const table of translation.model.routeTables) await indexTable(table);
    assert.deepEqual(routes(translation)[0]?.responseFields.set ?? {}, {});
  }
});

test("CORS that lets in every origin lets in no credentials", async () => {
  const credentials = async (annotations: Record<string, string>): Promise<boolean | undefined> =>
    routes(await annotated({ "enable-cors": "true", ...annotations }))[0]?.cors?.credentials;
  assert.equal(await credentials({}), false);
  assert.equal(await credentials({ "cors-allow-credentials": "true" }), false);
  assert.equal(await credentials({ "cors-allow-origin": "https://a.test" }), true);
});

test("a Service without an address of its own is asked at its endpoints", async () => {
  const headless = services.replaceAll("spec: {", "spec: { clusterIP: None,");
  const translation = await translated(
    headless + ingress("i", rule("a.test", path("/", "a")), nginx({ "service-upstream": "true" })),
    { nginxAnnotations: true },
  );
  assert.deepEqual(
    translation.model.pools.map(({ discovery }) => discovery.type),
    ["endpoints"],
  );
});

test("an Ingress that cannot be read is told of, and keeps no other from being served", async () => {
  const odd = ingress("odd", `${rule("b.test", path("/", "b"))}\n  tls: [{ hosts: [1] }]`);
  const translation = await annotated({}, odd);
  assert.match(await asked(translation, { host: "a.test" }), /default\/a:80/);
  assert.equal(await asked(translation, { host: "b.test" }), "404 no_route");
  assert.deepEqual(
    translation.events.map(({ about, reason }) => [about.name, reason]),
    [["odd", "NotServed"]],
  );
});

test("a backend that is to be verified is not asked while its authorities are not known", async () => {
  for (const [secretName, isAsked] of [
    ["default/none", false],
    ["other/ca", false],
    ["default/ca", true],
  ] as const) {
    const translation = await annotated(
      { "backend-protocol": "HTTPS", "proxy-ssl-secret": secretName, "proxy-ssl-verify": "on" },
      await secret("ca", "ca"),
    );
    const [pool] = translation.model.pools;
    assert.equal(pool!.invalid === undefined, isAsked, secretName);
    assert.equal(pool!.tls?.ca !== undefined, isAsked, secretName);
  }
});
