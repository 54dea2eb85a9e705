import assert from "node:assert/strict";
import { test } from "node:test";
import { layout } from "../../../src/channel/layout.ts";
import * as compiler from "../../../src/data/serve/http/trial.ts";
import { room } from "../../../src/providers/kubernetes/translate/room.ts";
import { translate } from "../../../src/providers/kubernetes/translate/translate.ts";
import type { Translation } from "../../../src/providers/kubernetes/translate/translation.ts";
import type { Compiler } from "../../../src/providers/kubernetes/translate/trial.ts";
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

/** A route of one host, with the host's name. */
const route = (name: string, rule = "backendRefs: [{ name: a, port: 80 }]", kind = "HTTPRoute"): string => `
kind: ${kind}
metadata: { name: ${name} }
spec: { parentRefs: [{ name: web }], hostnames: [${name}.test], rules: [{ ${rule} }] }
---
`;
const good = oneGateway + service("a", ["10.0.0.1"]) + route("good");
const events = ({ events: all }: Translation): string[] =>
  all.map(({ about, reason }) => `${about.kind} ${about.name} ${reason}`);
const isServed = async (translation: Translation): Promise<void> =>
  assert.equal(await asked(translation, { host: "good.test" }), "default/good/0 -> default/a:80");

test("a route that can't be translated is lost alone, and says so", async () => {
  for (const kind of ["HTTPRoute", "GRPCRoute", "TLSRoute"]) {
    const gateway =
      kind === "TLSRoute"
        ? oneGateway.replace(
            "protocol: HTTP }",
            "protocol: HTTP }, { name: tls, port: 443, protocol: TLS, tls: { mode: Passthrough } }",
          )
        : oneGateway;
    const translation = await translated(
      good.replace(oneGateway, gateway) + route("bad", "backendRefs: [null]", kind),
    );
    await isServed(translation);
    assert.deepEqual(events(translation), [`${kind} bad NotServed`]);
    const { parents } = statusOf(translation, kind as "HTTPRoute", "default/bad");
    assert.deepEqual(told(parents[0]!.conditions), [
      "Accepted=False/NotServed",
      "ResolvedRefs=True/ResolvedRefs",
    ]);
    assert.match(parents[0]!.conditions[0]!.message, /null/);
  }
});

test("a route whose parents can't be read has an event alone", async () => {
  const translation = await translated(good + route("bad").replace("[{ name: web }]", "[null]"));
  await isServed(translation);
  assert.deepEqual(events(translation), ["HTTPRoute bad NotServed"]);
});

const unreadable: Readonly<Record<string, string>> = {
  GatewayClass: "kind: GatewayClass\nmetadata: { name: bad }",
  Gateway: "kind: Gateway\nmetadata: { name: bad }\nspec: { gatewayClassName: umay, listeners: [null] }",
  ListenerSet:
    "kind: ListenerSet\nmetadata: { name: bad }\nspec: { parentRef: { name: web }, listeners: [{ name: x }] }",
  ReferenceGrant: "kind: ReferenceGrant\nmetadata: { name: bad }\nspec: { from: [null] }",
  BackendTLSPolicy: "kind: BackendTLSPolicy\nmetadata: { name: bad }\nspec: {}",
  Service: "kind: Service\nmetadata: { name: bad }\nspec: { ports: [null] }",
  Secret: "kind: Secret\nmetadata: { name: bad }\ndata: { tls.crt: 1 }",
  ConfigMap: "kind: ConfigMap\nmetadata: { name: bad }\ndata: { ca.crt: 1 }",
  Ingress: `kind: Ingress\nmetadata: { name: bad }\nspec: { ingressClassName: umay, rules: [{ http: { paths: [null] } }] }`,
};

for (const [kind, object] of Object.entries(unreadable))
  test(`a ${kind} that can't be read is lost alone, and says so`, async () => {
    const translation = await translated(`${good}${object}\n`);
    await isServed(translation);
    assert.deepEqual(events(translation), [`${kind} bad NotServed`]);
  });

test("backends of a policy that can't be judged are not asked without TLS", async () => {
  const policy = `
kind: BackendTLSPolicy
metadata: { name: bad }
spec: { targetRefs: [{ name: a }] }
`;
  const translation = await translated(good + policy);
  assert.match(await asked(translation, { host: "good.test" }), /default\/a:80 \(invalid\)/);
  const { ancestors } = statusOf(translation, "BackendTLSPolicy", "default/bad");
  assert.equal(told(ancestors[0]!.conditions)[0], "Accepted=False/Invalid");
});

test("an Ingress that can't be translated leaves its places to others", async () => {
  const ingress = (name: string, paths: string): string => `
kind: Ingress
metadata: { name: ${name} }
spec: { ingressClassName: umay, rules: [{ host: i.test, http: { paths: [${paths}] } }] }
---
`;
  const path = "{ path: /, pathType: Prefix, backend: { service: { name: a, port: { number: 80 } } } }";
  const translation = await translated(good + ingress("bad", `${path}, null`) + ingress("other", path));
  assert.equal(await asked(translation, { host: "i.test" }), "Ingress default/other/0.0 -> default/a:80");
  assert.deepEqual(events(translation), ["Ingress bad NotServed"]);
});

/** Refuses routes and matches that say `bad`, as workers might. */
const strict: Compiler = {
  tryMatch(match, regexes) {
    if (JSON.stringify(match).includes("bad")) throw new Error("no such match");
    compiler.tryMatch(match, regexes);
  },
  tryRoute(route, regexes) {
    if (JSON.stringify(route.requestFields).includes("bad")) throw new Error("no such route");
    compiler.tryRoute(route, regexes);
  },
  tryGuard(guard) {
    if (guard.kind === "basic" && guard.realm === "bad") throw new Error("no such realm");
    compiler.tryGuard(guard);
  },
};
const field =
  "filters: [{ type: RequestHeaderModifier, requestHeaderModifier: { set: [{ name: x, value: bad }] } }], backendRefs: [{ name: a, port: 80 }]";

test("a rule that workers could not compile keeps no other from being served, and is never served in part", async () => {
  const translation = await translated(
    good +
      route(
        "one",
        `${field} }, { matches: [{ path: { value: /fine } }], backendRefs: [{ name: a, port: 80 }]`,
      ),
    { compiler: strict },
  );
  await isServed(translation);
  assert.equal(
    await asked(translation, { host: "one.test", path: "/fine" }),
    "default/one/1 -> default/a:80 /fine",
  );
  assert.match(
    await asked(translation, { host: "one.test" }),
    /^default\/one\/0 -> default\/one\/0 \(invalid\)/,
  );
  const pool = translation.model.pools.find(({ invalid }) => invalid !== undefined);
  assert.equal(pool?.invalid, "no such route");
  assert.deepEqual(events(translation), ["HTTPRoute one NotServed"]);
  const { conditions } = statusOf(translation, "HTTPRoute", "default/one").parents[0]!;
  assert.deepEqual(told(conditions), [
    "Accepted=True/Accepted",
    "ResolvedRefs=True/ResolvedRefs",
    "PartiallyInvalid=True/UnsupportedValue",
  ]);
});

test("a rule of which workers could not compile a match is left out", async () => {
  const matching =
    "matches: [{ headers: [{ name: x, value: bad }] }, {}], backendRefs: [{ name: a, port: 80 }]";
  const translation = await translated(good + route("one", matching), { compiler: strict });
  await isServed(translation);
  assert.match(await asked(translation, { host: "one.test" }), /^404/);
  assert.deepEqual(events(translation), ["HTTPRoute one NotServed"]);
});

test("a rule of an Ingress that workers could not compile answers with an error, and its event says why", async () => {
  const ingress = `
kind: Ingress
metadata: { name: one, annotations: { nginx.ingress.kubernetes.io/upstream-vhost: bad.test } }
spec:
  ingressClassName: umay
  defaultBackend: { service: { name: a, port: { number: 80 } } }
`;
  const refusing: Compiler = {
    ...strict,
    tryRoute: ({ rewrite }) => {
      if (rewrite.host !== undefined) throw new Error("no such host");
    },
  };
  const translation = await translated(good + ingress, { compiler: refusing, nginxAnnotations: true });
  await isServed(translation);
  assert.match(await asked(translation, { host: "any.test" }), /\(invalid\)$/);
  assert.deepEqual(
    translation.events.map(({ about, message }) => `${about.kind} ${about.name}: ${message}`),
    ["Ingress one: Ingress default/one/default: no such host"],
  );
});

test("a guard of an Ingress that workers could not make lets nobody in, and costs no other Ingress anything", async () => {
  const ingress = (name: string, realm: string): string => `
kind: Ingress
metadata:
  name: ${name}
  annotations:
    nginx.ingress.kubernetes.io/auth-type: basic
    nginx.ingress.kubernetes.io/auth-secret: users
    nginx.ingress.kubernetes.io/auth-realm: ${realm}
spec:
  ingressClassName: umay
  rules: [{ host: ${name}.test, http: { paths: [{ path: /, pathType: Prefix, backend: { service: { name: a, port: { number: 80 } } } }] } }]
---
`;
  const users = Buffer.from(`u:$2y$05$${"a".repeat(53)}`).toString("base64");
  const secret = `{ kind: Secret, metadata: { name: users }, data: { auth: "${users}" } }`;
  const translation = await translated(`${good}${ingress("one", "bad")}${ingress("two", "fine")}${secret}`, {
    compiler: strict,
    nginxAnnotations: true,
  });
  await isServed(translation);
  assert.match(await asked(translation, { host: "one.test" }), /\(invalid\)/);
  assert.match(await asked(translation, { host: "two.test" }), /default\/a:80/);
  const guards = translation.model.routeTables.flatMap((table) => table.guards);
  assert.deepEqual(new Set(guards.map(({ name }) => name)), new Set(["auth.default/two"]));
  assert.deepEqual(
    translation.events.map(({ about, reason, message }) => `${about.name} ${reason}: ${message}`),
    ["one NotServed: Ingress default/one/0.0: no such realm"],
  );
});

test("of more guards than there is room for, those beyond are refused alone", async () => {
  assert.ok(room.guards < layout.guard.capacity);
  const limited = (index: number): SceneObject => ({
    kind: "Ingress",
    metadata: {
      name: `i${String(index).padStart(4, "0")}`,
      annotations: { "nginx.ingress.kubernetes.io/limit-rps": "5" },
    },
    ...{
      spec: {
        ingressClassName: "umay",
        rules: [
          {
            host: `i${index}.test`,
            http: {
              paths: [
                { path: "/", pathType: "Prefix", backend: { service: { name: "a", port: { number: 80 } } } },
              ],
            },
          },
        ],
      },
    },
  });
  const { ingresses } = clusterFrom(Array.from({ length: room.guards + 1 }, (_, index) => limited(index)));
  const translation = await translate(
    { ...clusterOf(good), ingresses },
    await optionsWith({ nginxAnnotations: true }),
  );
  assert.deepEqual(events(translation), [`Ingress i${room.guards} NotServed`]);
  assert.match(await asked(translation, { host: `i${room.guards}.test` }), /\(invalid\)$/);
  assert.match(await asked(translation, { host: "i0.test" }), /default\/a:80$/);
});

test("rules have names that no other has, whatever their owner calls them", async () => {
  const rules =
    'name: "1", matches: [{ path: { value: /one } }], backendRefs: [{ name: a, port: 80 }] }, { backendRefs: [{ name: a, port: 80 }]';
  const translation = await translated(good + route("names", rules));
  assert.equal(
    await asked(translation, { host: "names.test", path: "/one" }),
    "default/names/1 -> default/a:80 /one",
  );
  assert.equal(await asked(translation, { host: "names.test" }), "default/names/rule 1 -> default/a:80");
});

test("others have their turn while many routes are translated, and what did not change is made once", async () => {
  const base = clusterOf(good);
  const one = base.httpRoutes.get("default/good")!;
  const named = (name: string) => ({ ...one, metadata: { ...one.metadata, name } });
  const many = Array.from({ length: 2_000 }, (_, index) => named(`r${index}`));
  const httpRoutes = new Map(many.map((each) => [`default/${each.metadata.name}`, each]));
  const cluster = { ...base, httpRoutes };
  const options = await optionsWith();
  let turns = 0;
  let counting = true;
  const count = (): void => {
    turns++;
    if (counting) setImmediate(count);
  };
  setImmediate(count);
  const first = await translate(cluster, options);
  counting = false;
  assert.ok(turns > 2, `others had ${turns} turns`);
  const routesOf = ({ model }: Translation) =>
    new Set(
      model.routeTables.flatMap(({ hosts }) => hosts.flatMap(({ rules }) => rules)).map((rule) => rule.route),
    );
  const again = await translate(cluster, options);
  const [made, found] = [routesOf(first), routesOf(again)];
  assert.equal(made.size, 2_000);
  assert.equal([...found].filter((each) => !made.has(each)).length, 0);
});
