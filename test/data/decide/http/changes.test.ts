import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ClientAddress } from "../../../../src/data/decide/http/client-address.ts";
import { describeKey, hashKeyOf } from "../../../../src/data/decide/http/hash-key.ts";
import { compileRedirect } from "../../../../src/data/decide/http/redirect.ts";
import { compileHostRewrite, compilePathRewrite } from "../../../../src/data/decide/http/rewrite.ts";
import { stickyCookie, stickyValue } from "../../../../src/data/decide/http/sticky.ts";
import { compileChanges, compileTemplate } from "../../../../src/data/decide/http/template.ts";
import { readFields } from "../../../../src/http/scan.ts";
import { normalisePath } from "../../../../src/http/uri/path.ts";
import { cookieValue } from "../../../../src/model/http/cookie.ts";
import type { FieldChanges, Redirect } from "../../../../src/model/http/route.ts";
import { parseTemplate, type Template } from "../../../../src/model/http/template.ts";
import { prefixMatch, regexes } from "./scene.ts";

const changesOf = (changes: FieldChanges) => compileChanges(changes, (...of) => regexes.whole(...of));
const prefixed = (value: string) => prefixMatch(value).path;

for (const [path, matched, prefix, expected] of [
  ["/api/x", "/api", "/v1", "/v1/x"],
  ["/api", "/api", "/v1", "/v1"],
  ["/api/", "/api", "/v1", "/v1/"],
  ["/api/x", "/api", "", "/x"],
  ["/api", "/api", "", "/"],
  ["/x", "", "/v1", "/v1/x"],
  ["*", "", "/v1", "*"],
] as const)
  test(`${path} behind the prefix "${matched}" becomes ${expected} with "${prefix}"`, () => {
    const rewrite = compilePathRewrite({ kind: "prefix", prefix }, undefined);
    assert.equal(rewrite(path, prefixed(matched)), expected);
  });

test("a prefix of letters is replaced by letters, but never so that the path leaves it", () => {
  const match = { kind: "text-prefix", value: "/api", ignoreCase: false } as const;
  const rewriteTo = (prefix: string) => {
    const rewrite = compilePathRewrite({ kind: "prefix", prefix }, undefined);
    return (path: string) => rewrite(path, match);
  };
  assert.equal(rewriteTo("/v1")("/apix"), "/v1x");
  assert.equal(rewriteTo("")("/apix"), "/x");
  assert.equal(rewriteTo("/v1/")("/api/x"), "/v1//x");
  for (const path of ["/api..", "/api../x", "/api.", "/api./x", "/api..%2Fx", "/api..%5cx"])
    assert.equal(rewriteTo("/v1/")(path), undefined, path);
  assert.equal(rewriteTo("/v1")("/api.."), "/v1..");
});

test("what a regular expression makes is a path in normal form, or nothing", () => {
  const make = (replacement: string) =>
    compilePathRewrite({ kind: "regex", pattern: "/u/([0-9]+)", replacement }, regexes);
  assert.equal(make("/user/$1")("/a/u/12/x", undefined), "/a/user/12/x");
  assert.equal(make("/x/../$1")("/u/12", undefined), "/12");
  assert.equal(make("/../../..")("/u/12", undefined), undefined);
  assert.equal(make("user")("/u/12", undefined), undefined);
  assert.equal(make("/user")("/other", undefined), "/other");
  fc.assert(
    fc.property(fc.string(), fc.constantFrom("/u/1", "/a/u/1/b", "/u/1//"), (replacement, path) => {
      const made = make(replacement.replaceAll("$", "$$$$"))(path, undefined);
      assert.ok(made === undefined || (made.startsWith("/") && normalisePath(made) === made));
    }),
  );
});

const redirect = (to: Partial<Redirect>) =>
  compileRedirect({
    scheme: undefined,
    host: undefined,
    port: undefined,
    path: undefined,
    status: 307,
    ...to,
  });

const asked = { scheme: "http", authority: "a.test:8080", path: "/x/y", query: "?q=1" } as const;

for (const [to, location] of [
  [{ scheme: "https" }, "https://a.test/x/y?q=1"],
  [{ scheme: "https", port: 8443 }, "https://a.test:8443/x/y?q=1"],
  [{ scheme: "https", port: 443 }, "https://a.test/x/y?q=1"],
  [{ host: "b.test" }, "http://b.test/x/y?q=1"],
  [{ port: 81 }, "http://a.test:81/x/y?q=1"],
  [{ path: { kind: "path", path: "/z" } }, "http://a.test:8080/z?q=1"],
  [{ path: { kind: "prefix", prefix: "/z" } }, "http://a.test:8080/z/y?q=1"],
] as const)
  test(`a redirect to ${JSON.stringify(to)} leads to ${location}`, () => {
    assert.equal(redirect(to)(asked, prefixed("/x")), location);
  });

test("a redirect keeps brackets of addresses, and names no host where the request has none", () => {
  assert.equal(
    redirect({ scheme: "https" })({ ...asked, authority: "[::1]:8080" }, undefined),
    "https://[::1]/x/y?q=1",
  );
  const nameless = { ...asked, authority: "", path: "//evil.test", query: "" };
  assert.equal(redirect({ scheme: "https" })(nameless, undefined), undefined);
  assert.equal(redirect({ path: { kind: "prefix", prefix: "" } })(nameless, prefixed("")), "/.//evil.test");
});

const facts = {
  claim: () => "",
  variable: (name: string): string => (name === "client.ip" ? "192.0.2.1" : ""),
  header: (name: string): string | undefined => (name === "x-user" ? "7" : undefined),
};

test("a template is a text where nothing is known later, and else filled in for each request", () => {
  assert.equal(compileTemplate(["a", "b"]), "ab");
  const template = parseTemplate(
    "for $$ \u0024{client.ip} \u0024{request.header.X-User}\u0024{request.header.none}",
  ) as Template;
  const value = compileTemplate(template);
  assert.ok(typeof value === "function");
  assert.equal(value(facts), "for $ 192.0.2.1 7");
});

test("changes of fields are lines, and what a client sent begins no line of its own", () => {
  const changes = changesOf({
    set: { "x-ip": [{ variable: "client.ip" }], "x-user": [{ header: "x-user" }] },
    add: {},
    remove: [],
  });
  const evil = { ...facts, header: () => "7\r\nx-admin: 1" };
  assert.equal(changes!.lines(evil), "x-ip: 192.0.2.1\r\nx-user: 7  x-admin: 1\r\n");
  assert.equal(changesOf({ set: {}, add: {}, remove: [] }), undefined);
});

test("fields are removed by tests of their names, but for those that say where a message goes or ends", () => {
  const edits = changesOf({
    set: {},
    add: { "x-kept": ["1"] },
    remove: [],
    removeMatching: [
      { kind: "suffix", value: "-internal", ignoreCase: false },
      { kind: "contains", value: "DEBUG", ignoreCase: true },
      { kind: "regex", value: "x-id-[0-9]+|te|host|cookie", ignoreCase: false },
    ],
  });
  const fields = readFields(
    "X-A-Internal: 1\r\nx-internal-a: 2\r\nX-Debug-B: 3\r\nx-id-42: 4\r\nx-id-4b: 5\r\nTE: trailers\r\nHost: a\r\nCookie: c\r\n",
  );
  const marks = new Uint8Array(fields.count);
  edits!.mark(fields, marks);
  assert.deepEqual([...marks], [1, 0, 1, 1, 0, 0, 0, 1]);
  assert.equal(edits!.lines(facts, fields), "x-kept: 1\r\n");
});

test("a host is made of a field or of the path; a text that is no host changes nothing", () => {
  const request = (path: string, host?: string) => ({ path, header: () => host });
  const ofField = compileHostRewrite({ kind: "field", name: "x-host" }, undefined);
  assert.equal(ofField(request("/", "b.test:81")), "b.test:81");
  for (const text of [undefined, "", "b test", "b.test/x", "a@b.test", "b.test\u0000"])
    assert.equal(ofField(request("/", text)), undefined, text);
  const path = compileHostRewrite(
    { kind: "path", pattern: "^/([^/]+)/.*$", replacement: "$1.test" },
    regexes,
  );
  assert.equal(path(request("/shop/x")), "shop.test");
  assert.equal(path(request("/a@b/x")), undefined);
  assert.equal(path(request("/shop")), undefined);
});

test("a regular expression takes the first part of a path, or all of them", () => {
  const rewrite = { kind: "regex", pattern: "o", replacement: "0" } as const;
  assert.equal(compilePathRewrite(rewrite, regexes)("/foo/o", undefined), "/f0o/o");
  assert.equal(compilePathRewrite({ ...rewrite, all: true }, regexes)("/foo/o", undefined), "/f00/0");
});

test("the first key that a request has is hashed", () => {
  const request = {
    client: "192.0.2.1",
    header: (name: string): string | undefined => ({ "x-user": "7", cookie: "a=1; sid=s 1; sid=2" })[name],
    queryValue: (): string | undefined => undefined,
  };
  const key = (...texts: readonly ("header" | "cookie" | "query")[]) =>
    hashKeyOf([...texts.map((kind) => ({ kind, name: kind === "header" ? "x-user" : "sid" }))], request);
  assert.deepEqual(
    [key("query", "cookie")?.text, describeKey(key("query", "cookie")!.by)],
    ["s 1", "cookie:sid"],
  );
  assert.equal(key("header", "cookie")?.text, "7");
  assert.equal(key("query"), undefined);
  assert.equal(hashKeyOf([{ kind: "source-ip" }], request)?.text, "192.0.2.1");
});

test("a cookie is found by its whole name", () => {
  assert.equal(cookieValue("xsid=1; sid=2", "sid"), "2");
  assert.equal(cookieValue("sidx=1, sid=3", "sid"), "3");
  assert.equal(cookieValue("sid", "sid"), undefined);
  assert.equal(cookieValue("sid; a=1", "sid"), undefined);
  assert.equal(cookieValue("a=sid=1", "sid"), undefined);
  assert.equal(cookieValue(undefined, "sid"), undefined);
});

test("a sticky cookie tells backends of pools apart, and nothing of their addresses", () => {
  const values = new Set(
    ["a", "b"].flatMap((pool) => ["10.0.0.1:80", "10.0.0.2:80"].map((backend) => stickyValue(pool, backend))),
  );
  assert.equal(values.size, 4);
  for (const value of values) assert.match(value, /^[\w-]{11}$/);
  const sticky = { cookie: "c", sameSite: "lax", maxAge: 90_500 } as const;
  assert.equal(stickyCookie(sticky, "v", true), "c=v; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=90");
  assert.equal(
    stickyCookie({ ...sticky, maxAge: undefined }, "v", false),
    "c=v; Path=/; HttpOnly; SameSite=Lax",
  );
});

const trust = [{ family: "ipv4", address: "10.0.0.0", prefix: 8 }] as const;

for (const [peer, field, client] of [
  ["192.0.2.1", "198.51.100.1", "192.0.2.1"],
  ["10.0.0.1", "198.51.100.1", "198.51.100.1"],
  ["10.0.0.1", "203.0.113.9, 198.51.100.1, 10.0.0.2", "198.51.100.1"],
  ["10.0.0.1", "203.0.113.9, nonsense, 10.0.0.2", "10.0.0.2"],
  ["10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"],
  ["10.0.0.1", ",", "10.0.0.1"],
  ["10.0.0.1", "198.51.100.1:4711", "198.51.100.1"],
  ["10.0.0.1", "[2001:db8::1]:80", "2001:db8::1"],
  ["10.0.0.1", undefined, "10.0.0.1"],
  ["10.0.0.1", "::ffff:203.0.113.9", "203.0.113.9"],
  ["10.0.0.1", "::FFFF:cb00:7109", "203.0.113.9"],
  ["10.0.0.1", "0:0:0:0:0:ffff:203.0.113.9", "203.0.113.9"],
  ["10.0.0.1", "203.0.113.9, ::ffff:a00:2", "203.0.113.9"],
  ["10.0.0.1", "2001:DB8:0:0::1", "2001:db8::1"],
  ["10.0.0.1", "[2001:DB8::1%25eth0]:80", "2001:db8::1"],
] as const)
  test(`X-Forwarded-For ${field} from ${peer} means ${client}`, () => {
    const addresses = new ClientAddress({ trust, read: "x-forwarded-for" });
    assert.equal(
      addresses.of(peer, (name) => (name === "x-forwarded-for" ? field : undefined)),
      client,
    );
  });

test("Forwarded is read the same way", () => {
  const addresses = new ClientAddress({ trust, read: "forwarded" });
  const field = 'for=203.0.113.9;proto=http, proto=https; For="[2001:db8::1]:80", for=10.0.0.2';
  assert.equal(
    addresses.of("10.0.0.1", () => field),
    "2001:db8::1",
  );
  assert.equal(
    addresses.of("10.0.0.1", () => "for=_hidden"),
    "10.0.0.1",
  );
});

test("fields are added where they are missing, replaced where they are there, and left out where they are empty", () => {
  const edits = changesOf({
    set: {},
    add: { "x-empty": [{ header: "nothing" }], "x-two": ["1"] },
    remove: [],
    more: [
      { name: "x-two", value: ["2"], when: "always" },
      { name: "x-new", value: ["new"], when: "absent" },
      { name: "x-old", value: ["other"], when: "absent" },
      { name: "x-old", value: ["replaced"], when: "present" },
      { name: "x-none", value: ["never"], when: "present" },
    ],
    skipsEmpty: true,
  })!;
  const fields = readFields("x-old: old\r\n");
  const facts = { variable: () => "", header: () => undefined, claim: () => "" };
  assert.equal(edits.lines(facts, fields), "x-two: 1\r\nx-two: 2\r\nx-new: new\r\nx-old: replaced\r\n");
  const marks = new Uint8Array(1);
  edits.mark(fields, marks);
  assert.deepEqual([...marks], [1]);
});

test("a redirect may bring a query of its own, or none, and rewrite the path by a regular expression", () => {
  const redirect: Redirect = {
    scheme: undefined,
    host: "b.test",
    port: undefined,
    path: undefined,
    status: 302,
  };
  const request = { scheme: "http", authority: "a.test", path: "/a/b", query: "?c" } as const;
  const to = (changes: Partial<Redirect>) =>
    compileRedirect({ ...redirect, ...changes }, regexes)(request, undefined);
  assert.equal(to({}), "http://b.test/a/b?c");
  assert.equal(to({ query: "" }), "http://b.test/a/b");
  assert.equal(to({ query: "?d" }), "http://b.test/a/b?d");
  const path = { kind: "regex", pattern: "^/a/(.*)", replacement: "/x/$1" } as const;
  assert.equal(to({ path }), "http://b.test/x/b?c");
});

test("so many proxies are believed as are said, whatever their addresses are", () => {
  const trust = [{ family: "ipv4", address: "0.0.0.0", prefix: 0 }] as const;
  const said = (hops: number, list: string | undefined) =>
    new ClientAddress({ trust, read: "x-forwarded-for", hops }).of("9.9.9.9", () => list);
  assert.equal(said(1, "1.1.1.1, 2.2.2.2, 3.3.3.3"), "3.3.3.3");
  assert.equal(said(2, "1.1.1.1, 2.2.2.2, 3.3.3.3"), "2.2.2.2");
  assert.equal(said(2, undefined), "9.9.9.9");
  // As in Envoy, nothing stands in for an entry that is not there, or is no address.
  assert.equal(said(2, "1.1.1.1"), "9.9.9.9");
  assert.equal(said(2, "1.1.1.1, bad, 3.3.3.3"), "9.9.9.9");
  assert.equal(said(2, "bad, 1.1.1.1, worse"), "1.1.1.1");
  assert.equal(said(3, ",,"), "9.9.9.9");
  assert.equal(said(4, "1.1.1.1,,"), "9.9.9.9");
  assert.equal(said(0, "1.1.1.1"), "9.9.9.9");
});

test("a field may name the client before the list does, and refuse where it does not", () => {
  const trust = [{ family: "ipv4", address: "0.0.0.0", prefix: 0 }] as const;
  const fields = [
    { name: "x-first", refusal: undefined },
    { name: "x-last", refusal: 401 },
  ];
  const found = (headers: Readonly<Record<string, string>>, clientFields = fields, hops = 1) =>
    new ClientAddress({ trust, read: "x-forwarded-for", hops, clientFields }).of(
      "9.9.9.9",
      (name) => headers[name],
    );
  assert.equal(found({ "x-first": " 1.1.1.1", "x-last": "2.2.2.2" }), "1.1.1.1");
  assert.equal(found({ "x-first": "1.1.1.1, 3.3.3.3", "x-last": "::FFFF:2.2.2.2" }), "2.2.2.2");
  assert.deepEqual(found({ "x-first": "bad", "x-forwarded-for": "3.3.3.3" }), {
    field: "x-last",
    status: 401,
  });
  const lax = fields.slice(0, 1);
  assert.equal(found({ "x-forwarded-for": "3.3.3.3" }, lax), "3.3.3.3");
  assert.equal(found({ "x-forwarded-for": "3.3.3.3" }, lax, 0), "9.9.9.9");
});
