import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { RouteIndex, type RouteRequest } from "../../../../src/data/decide/http/route-index.ts";
import type { PathMatch, RequestMatch, ValueMatch } from "../../../../src/model/http/match.ts";
import { anyRequest, compareMatches, orderRoutes } from "../../../../src/model/http/precedence.ts";

interface Named {
  readonly name: string;
}

const compileRegex = (pattern: string, ignoreCase: boolean) => {
  const regex = new RegExp(`^(?:${pattern})$`, ignoreCase ? "i" : "");
  return (text: string): boolean => regex.test(text);
};

const exact = (value: string): PathMatch => ({ kind: "exact", value, ignoreCase: false });
const prefix = (value: string): PathMatch => ({ kind: "prefix", value, ignoreCase: false });
const regex = (value: string): PathMatch => ({ kind: "regex", value, ignoreCase: false });
const match = (path: PathMatch | undefined, more: Partial<RequestMatch> = {}): RequestMatch => ({
  ...anyRequest,
  path,
  ...more,
});

function ask(
  path: string,
  {
    host = "a.test",
    method = "GET",
    headers = {},
    query = {},
  }: {
    host?: string;
    method?: string;
    headers?: Record<string, string>;
    query?: Record<string, string>;
  } = {},
): RouteRequest {
  return { host, path, method, header: (name) => headers[name], queryValue: (name) => query[name] };
}

function index(routes: Record<string, { hosts?: string[]; matches?: RequestMatch[]; priority?: number }>) {
  const table = orderRoutes(
    Object.entries(routes).map(([name, { hosts = [], matches = [], priority = 0 }]) => ({
      route: { name },
      hosts,
      matches,
      priority,
    })),
  );
  const built = new RouteIndex<Named>(table, compileRegex);
  return (request: RouteRequest): string => {
    const found = built.find(request);
    return typeof found === "string" ? found : found.route.name;
  };
}

test("an exact path comes before a regular expression, that before a prefix, a longer prefix before a shorter one", () => {
  const find = index({
    root: { matches: [match(prefix(""))] },
    api: { matches: [match(prefix("/api"))] },
    users: { matches: [match(prefix("/api/users"))] },
    digits: { matches: [match(regex("/api/[0-9]+"))] },
    one: { matches: [match(exact("/api/1"))] },
  });
  assert.equal(find(ask("/")), "root");
  assert.equal(find(ask("/api")), "api");
  assert.equal(find(ask("/api/")), "api");
  assert.equal(find(ask("/apis")), "root");
  assert.equal(find(ask("/api/users")), "users");
  assert.equal(find(ask("/api/users/7")), "users");
  assert.equal(find(ask("/api/usersx")), "api");
  assert.equal(find(ask("/api/1")), "one");
  assert.equal(find(ask("/api/12")), "digits");
});

test("priority comes before all but the host", () => {
  const find = index({
    exact: { matches: [match(exact("/x"))] },
    first: { matches: [match(prefix(""))], priority: 1 },
    host: { hosts: ["a.test"], matches: [match(prefix("/only"))] },
  });
  assert.equal(find(ask("/x")), "first");
  assert.equal(find(ask("/only/x")), "host");
});

test("the exact host is asked first, then the longest wildcard, then any; each passes on what it does not take", () => {
  const find = index({
    any: {},
    short: { hosts: ["*.test"], matches: [match(prefix("/short"))] },
    long: { hosts: ["*.a.test"], matches: [match(prefix("/long"))] },
    exact: { hosts: ["b.a.test"], matches: [match(exact("/exact"))] },
  });
  const at = (host: string, path: string): string => find(ask(path, { host }));
  assert.equal(at("b.a.test", "/exact"), "exact");
  assert.equal(at("b.a.test", "/long"), "long");
  assert.equal(at("b.a.test", "/short"), "short");
  assert.equal(at("b.a.test", "/"), "any");
  assert.equal(at("a.test", "/long"), "any");
  assert.equal(at("a.test", "/short"), "short");
  assert.equal(at("test", "/short"), "any");
  assert.equal(at("", "/short"), "any");
});

test("a name that no host takes is told apart from a request that no rule takes", () => {
  const find = index({ a: { hosts: ["a.test"], matches: [match(exact("/x"))] } });
  assert.equal(find(ask("/x")), "a");
  assert.equal(find(ask("/y")), "no_route");
  assert.equal(find(ask("/x", { host: "b.test" })), "no_host");
  assert.equal(find(ask("/x", { host: "" })), "no_host");
});

test("without falling through, the most specific host has the last word", () => {
  const rules = (name: string, path: string) => [{ match: match(exact(path)), route: { name } }];
  const built = new RouteIndex<Named>(
    {
      hosts: [
        { name: "*", rules: rules("any", "/any") },
        { name: "a.test", rules: rules("a", "/a") },
      ],
      fallsThrough: false,
    },
    compileRegex,
  );
  assert.equal(built.find(ask("/any")), "no_route");
  assert.deepEqual(
    built.hostsFor("a.test").map(({ name }) => name),
    ["a.test"],
  );
});

test("behind a host that is the last, none is asked that takes more names", () => {
  const only = (path: string, name: string) => [{ match: match(exact(path)), route: { name } }];
  const built = new RouteIndex<Named>(
    {
      hosts: [
        { name: "a.x.test", rules: only("/a", "exact") },
        { name: "*.x.test", rules: only("/b", "wide"), isLast: true },
        { name: "*", rules: only("/c", "any") },
      ],
      fallsThrough: true,
    },
    compileRegex,
  );
  const find = (host: string, path: string): string => {
    const found = built.find(ask(path, { host }));
    return typeof found === "string" ? found : found.route.name;
  };
  assert.equal(find("a.x.test", "/b"), "wide");
  assert.equal(find("a.x.test", "/c"), "no_route");
  assert.equal(find("y.test", "/c"), "any");
  assert.deepEqual(
    built.hostsFor("a.x.test").map(({ name }) => name),
    ["a.x.test", "*.x.test"],
  );
});

test("methods, header fields and keys of the query count, and so does how many of them a match has", () => {
  const header = (name: string, not = false): ValueMatch => ({
    name,
    test: { kind: "exact", value: "1", ignoreCase: false },
    not,
  });
  const find = index({
    plain: { matches: [match(prefix("/p"))] },
    post: { matches: [match(prefix("/p"), { methods: ["POST"] })] },
    one: { matches: [match(prefix("/p"), { headers: [header("x-a")] })] },
    two: { matches: [match(prefix("/p"), { headers: [header("x-a"), header("x-b")] })] },
    key: {
      matches: [match(prefix("/p"), { query: [{ name: "k", test: { kind: "present" }, not: false }] })],
    },
    absent: { matches: [match(prefix("/n"), { headers: [header("x-a", true)] })] },
  });
  assert.equal(find(ask("/p")), "plain");
  assert.equal(find(ask("/p", { method: "POST" })), "post");
  assert.equal(find(ask("/p", { method: "post" })), "plain");
  assert.equal(find(ask("/p", { headers: { "x-a": "1" } })), "one");
  assert.equal(find(ask("/p", { headers: { "x-a": "1", "x-b": "1" } })), "two");
  assert.equal(find(ask("/p", { headers: { "x-a": "2", "x-b": "1" } })), "plain");
  assert.equal(find(ask("/p", { query: { k: "" } })), "key");
  assert.equal(find(ask("/n")), "absent");
  assert.equal(find(ask("/n", { headers: { "x-a": "1" } })), "no_route");
});

test("a path without its case takes every case of ASCII, and no other letter's", () => {
  const find = index({ a: { matches: [match({ kind: "prefix", value: "/Api", ignoreCase: true })] } });
  assert.equal(find(ask("/aPI/x")), "a");
  assert.equal(find(ask("/ap\u0130")), "no_route");
});

test("judge tells of every rule why it does not match", () => {
  const built = new RouteIndex<Named>(
    orderRoutes([
      { route: { name: "exact" }, hosts: [], matches: [match(exact("/x"))], priority: 0 },
      {
        route: { name: "post" },
        hosts: [],
        matches: [match(prefix(""), { methods: ["POST"] })],
        priority: 0,
      },
      { route: { name: "all" }, hosts: [], matches: [match(regex("/.*"))], priority: 0 },
    ]),
    compileRegex,
  );
  const [host] = built.hostsFor("a.test");
  assert.deepEqual(
    [...host!.rules.judge(ask("/y"))].map(({ rule, mismatch }) => [rule.route.name, mismatch?.kind]),
    [
      ["exact", "path"],
      ["all", undefined],
      ["post", "method"],
    ],
  );
});

const segment = fc.constantFrom("", "a", "b", "aa", "A", "ab", "x");
const paths = fc.array(segment, { maxLength: 4 }).map((segments) => `/${segments.join("/")}`);
const pathMatches: fc.Arbitrary<PathMatch | undefined> = fc.option(
  fc.record({
    kind: fc.constantFrom("exact", "prefix", "text-prefix", "regex"),
    value: paths,
    ignoreCase: fc.boolean(),
  }),
  { nil: undefined },
);
const matches: fc.Arbitrary<RequestMatch> = fc.record({
  path: pathMatches.map((path) =>
    path?.kind === "prefix" ? { ...path, value: path.value.replace(/\/+$/, "") } : path,
  ),
  methods: fc.constantFrom([], ["GET"], ["POST"]),
  headers: fc.constant([]),
  query: fc.constant([]),
});

/** The choice of a reader of the documentation: rule by rule. */
function naive(rules: readonly RequestMatch[], path: string, method: string): number {
  return rules.findIndex(({ path: wanted, methods }) => {
    if (methods.length > 0 && !methods.includes(method)) return false;
    if (wanted === undefined) return true;
    const [is, value] = wanted.ignoreCase
      ? [path.toLowerCase(), wanted.value.toLowerCase()]
      : [path, wanted.value];
    if (wanted.kind === "text-prefix") return is.startsWith(value);
    if (wanted.kind === "prefix") return is === value || is.startsWith(`${value}/`);
    return is === value;
  });
}

test("the index finds the rule that comes first of all that match, as asking one after the other does", () => {
  fc.assert(
    fc.property(
      fc.array(matches, { maxLength: 12 }),
      paths,
      fc.constantFrom("GET", "POST"),
      (rules, path, method) => {
        const table = {
          hosts: [{ name: "*", rules: rules.map((each, name) => ({ match: each, route: name })) }],
          fallsThrough: true,
        };
        const found = new RouteIndex<number>(table, compileRegex).find(ask(path, { method }));
        assert.equal(typeof found === "string" ? -1 : found.route, naive(rules, path, method));
      },
    ),
    { numRuns: 2_000 },
  );
});

test("precedence is an order: it does not depend on how the routes stand", () => {
  fc.assert(
    fc.property(matches, matches, matches, (a, b, c) => {
      assert.equal(Math.sign(compareMatches(a, b)) + Math.sign(compareMatches(b, a)), 0);
      if (compareMatches(a, b) <= 0 && compareMatches(b, c) <= 0) assert.ok(compareMatches(a, c) <= 0);
    }),
  );
});

test("among 10,000 routes a look-up asks no more rules than among 10", () => {
  const asked = (count: number): number => {
    let methods = 0;
    const counting = (name: number) => {
      const wanted = ["GET"];
      wanted.includes = () => {
        methods++;
        return true;
      };
      return { match: match(prefix(`/p${name}`), { methods: wanted }), route: name };
    };
    const rules = Array.from({ length: count }, (_, name) => counting(name));
    const built = new RouteIndex<number>({ hosts: [{ name: "*", rules }], fallsThrough: true }, compileRegex);
    const found = built.find(ask(`/p${count - 1}/x`));
    assert.equal(typeof found === "object" && found.route, count - 1);
    return methods;
  };
  assert.equal(asked(10), 1);
  assert.equal(asked(10_000), 1);
});
