import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { translate } from "../../../src/providers/kubernetes/translate/translate.ts";
import { type Asked, asked, clusterFrom, optionsWith, type SceneObject } from "./scene.ts";

/*
 * Random Gateways and HTTPRoutes, and a reading of Gateway API's precedence that is as plain as its text: every match of
 * every route is looked at, and the best one is taken.
 */

interface Match {
  readonly path: { readonly type: "Exact" | "PathPrefix"; readonly value: string };
  readonly method?: string;
  readonly headers: readonly { readonly name: string; readonly value: string }[];
  readonly queryParams: readonly { readonly name: string; readonly value: string }[];
}

interface Route {
  readonly created: string;
  readonly parents: readonly { readonly name: string; readonly sectionName?: string }[];
  readonly hostnames: readonly string[];
  readonly rules: readonly (readonly Match[])[];
}

interface Listener {
  readonly name: string;
  readonly hostname?: string;
}

interface Scene {
  /** Of both Gateways, which share a port. */
  readonly gateways: readonly (readonly Listener[])[];
  readonly routes: readonly Route[];
}

const ages = ["2025-01-01T00:00:00Z", "2026-01-01T00:00:00Z"];
const hostnames = ["x.a.test", "z.x.a.test", "*.a.test", "*.x.a.test", "*.test"];
const paths = ["/", "/", "/a", "/a", "/a/", "/a/b", "/ab"];
/** Conditions and what they are asked of mostly meet: a match that nothing meets says nothing of precedence. */
const named = (atLeast: number) =>
  fc.uniqueArray(
    fc.record({ name: fc.constantFrom("one", "two"), value: fc.constantFrom("1", "1", "1", "2") }),
    { minLength: atLeast, maxLength: 2, selector: ({ name }) => name },
  );
const match: fc.Arbitrary<Match> = fc
  .record({
    path: fc.record({ type: fc.constantFrom("Exact", "PathPrefix"), value: fc.constantFrom(...paths) }),
    method: fc.option(fc.constantFrom("GET", "POST"), { nil: undefined }),
    headers: named(0),
    queryParams: named(0),
  })
  .map(({ method, ...rest }) => ({ ...rest, ...(method !== undefined && { method }) }));
const listeners: fc.Arbitrary<readonly Listener[]> = fc
  .uniqueArray(fc.constantFrom("", ...hostnames), { minLength: 1, maxLength: 3 })
  .map((names) =>
    names.map((hostname, index) => ({ name: `l${index}`, ...(hostname !== "" && { hostname }) })),
  );
const route: fc.Arbitrary<Route> = fc.record({
  created: fc.constantFrom(...ages),
  parents: fc
    .array(fc.tuple(fc.constantFrom("g0", "g1"), fc.constantFrom("", "l0", "l1")), {
      minLength: 1,
      maxLength: 2,
    })
    .map((parents) =>
      parents.map(([name, sectionName]) => ({ name, ...(sectionName !== "" && { sectionName }) })),
    ),
  hostnames: fc.uniqueArray(fc.constantFrom(...hostnames), { maxLength: 3 }),
  rules: fc.array(fc.array(match, { maxLength: 3 }), { minLength: 1, maxLength: 3 }),
});
const scene: fc.Arbitrary<Scene> = fc.record({
  gateways: fc.tuple(listeners, listeners),
  routes: fc.array(route, { minLength: 1, maxLength: 6 }),
});
const request = fc.record({
  host: fc.constantFrom("x.a.test", "w.a.test", "z.x.a.test", "v.x.a.test", "b.test", "other"),
  path: fc.constantFrom("/a", "/a", "/a/b", "/ab", "/", "/abc", "/a/b/c"),
  method: fc.constantFrom("GET", "POST"),
  headers: named(1),
  query: named(1),
});
type Request = typeof request extends fc.Arbitrary<infer R> ? R : never;

const group = "gateway.networking.k8s.io";

function objectsOf({ gateways, routes }: Scene): readonly SceneObject[] {
  const classes = [
    {
      kind: "GatewayClass",
      metadata: { name: "umay" },
      spec: { controllerName: "umay.dev/gateway-controller" },
    },
    { kind: "Service", metadata: { name: "s" }, spec: { ports: [{ port: 80 }] } },
  ];
  const served = gateways.map((own, index) => ({
    kind: "Gateway",
    metadata: { name: `g${index}`, creationTimestamp: ages[index] },
    spec: {
      gatewayClassName: "umay",
      listeners: own.map((listener) => ({ ...listener, port: 80, protocol: "HTTP" })),
    },
  }));
  const attached = routes.map(({ created, parents, hostnames: own, rules }, index) => ({
    kind: "HTTPRoute",
    metadata: { name: `r${index}`, creationTimestamp: created },
    spec: {
      parentRefs: parents.map((parent) => ({ group, kind: "Gateway", ...parent })),
      ...(own.length > 0 && { hostnames: own }),
      rules: rules.map((matches) => ({
        ...(matches.length > 0 && { matches }),
        backendRefs: [{ name: "s", port: 80 }],
      })),
    },
  }));
  return [...classes, ...served, ...attached] as unknown as readonly SceneObject[];
}

const isWild = (name: string): boolean => name.startsWith("*.");
const takes = (name: string, host: string): boolean =>
  isWild(name) ? host.endsWith(name.slice(1)) && host.length >= name.length : name === host;

/** Exact names before wildcards, longer ones before shorter ones, none at last. */
const hostRank = (name: string | undefined): readonly number[] =>
  name === undefined ? [0, 0] : [isWild(name) ? 1 : 2, name.length];

/** Greater: it has precedence. */
function compareRanks(left: readonly (number | string)[], right: readonly (number | string)[]): number {
  for (const [index, value] of left.entries())
    if (value !== right[index]) return value > right[index]! ? 1 : -1;
  return 0;
}

const best = <T>(all: readonly T[], rankOf: (one: T) => readonly (number | string)[]): T | undefined =>
  all.toSorted((left, right) => compareRanks(rankOf(right), rankOf(left)))[0];

const hasAll = (wanted: Match["headers"], given: Match["headers"]): boolean =>
  wanted.every(({ name, value }) => given.some((each) => each.name === name && each.value === value));

const bare = (path: string): string => path.replace(/\/$/, "");

function fits({ path, method, headers, queryParams }: Match, asking: Request): boolean {
  const isAt =
    path.type === "Exact"
      ? asking.path === path.value
      : asking.path === bare(path.value) || asking.path.startsWith(`${bare(path.value)}/`);
  return (
    isAt &&
    (method === undefined || method === asking.method) &&
    hasAll(headers, asking.headers) &&
    hasAll(queryParams, asking.query)
  );
}

const anything: Match = { path: { type: "PathPrefix", value: "/" }, headers: [], queryParams: [] };

/** The rule that has to take a request, as `default/route/rule`; undefined: none may. */
function expected({ gateways, routes }: Scene, asking: Request): string | undefined {
  const all = gateways.flatMap((own, index) =>
    own.map((listener) => ({ ...listener, gateway: `g${index}` })),
  );
  const open = all.filter(({ hostname }) => hostname === undefined || takes(hostname, asking.host));
  const closest = best(open, ({ hostname }) => hostRank(hostname));
  // Listeners of both Gateways with the same hostname are one.
  const serving = open.filter(({ hostname }) => hostname === closest?.hostname);
  const candidates = routes.flatMap((own, index) => {
    const isAttached = own.parents.some(({ name, sectionName }) =>
      serving.some(
        (listener) =>
          listener.gateway === name && (sectionName === undefined || sectionName === listener.name),
      ),
    );
    if (!isAttached) return [];
    const names: readonly (string | undefined)[] = own.hostnames.length === 0 ? [undefined] : own.hostnames;
    return names
      .filter((name) => name === undefined || takes(name, asking.host))
      .flatMap((name) => {
        // The narrower one of the two counts.
        const host = best([name, closest?.hostname], hostRank);
        return own.rules.flatMap((matches, rule) =>
          (matches.length === 0 ? [anything] : matches)
            .filter((each) => fits(each, asking))
            .map((each) => ({ host, route: own, index, rule, match: each })),
        );
      });
  });
  const winner = best(candidates, ({ host, route: own, index, rule, match: each }) => [
    ...hostRank(host),
    each.path.type === "Exact" ? 1 : 0,
    each.path.type === "Exact" ? each.path.value.length : bare(each.path.value).length,
    each.method === undefined ? 0 : 1,
    each.headers.length,
    each.queryParams.length,
    -ages.indexOf(own.created),
    -index,
    -rule,
  ]);
  return winner && `default/r${winner.index}/${winner.rule}`;
}

const askedOf = ({ host, path, method, headers, query }: Request): Asked => ({
  host,
  path: `${path}?${query.map(({ name, value }) => `${name}=${value}`).join("&")}`,
  method,
  headers: Object.fromEntries(headers.map(({ name, value }) => [name, value])),
});

test("of any routes at any listeners the one takes a request that Gateway API says", async () => {
  const options = await optionsWith();
  await fc.assert(
    fc.asyncProperty(scene, fc.array(request, { minLength: 1, maxLength: 8 }), async (each, requests) => {
      const translation = await translate(clusterFrom(objectsOf(each)), options);
      for (const asking of requests) {
        const wanted = expected(each, asking);
        const got = await asked(translation, askedOf(asking));
        if (wanted === undefined) assert.match(got, /^404 /);
        else assert.equal(got.split(" -> ")[0], wanted);
      }
    }),
    { numRuns: 120 },
  );
});

test("the order in which objects came makes no difference", async () => {
  const options = await optionsWith();
  await fc.assert(
    fc.asyncProperty(
      scene.chain((each) => {
        const objects = objectsOf(each);
        return fc.tuple(
          fc.constant(objects),
          fc.shuffledSubarray([...objects], { minLength: objects.length }),
        );
      }),
      async ([objects, shuffled]) => {
        const one = await translate(clusterFrom(objects), options);
        const other = await translate(clusterFrom(shuffled), options);
        assert.deepEqual(other.model, one.model);
        assert.deepEqual(new Map([...other.statuses].sort()), new Map([...one.statuses].sort()));
      },
    ),
    { numRuns: 50 },
  );
});
