import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { hostOf, isSameAuthority } from "../../src/http/uri/authority.ts";
import { normalisePath, pathFacts, secondReading, withMergedSlashes } from "../../src/http/uri/path.ts";
import { queryValue } from "../../src/http/uri/query.ts";
import { readTarget, target } from "../../src/http/uri/target.ts";

const detailOf = (path: string): string | undefined => {
  const normal = normalisePath(path);
  return typeof normal === "string" ? undefined : normal.detail;
};

describe("the normal form of a path", () => {
  for (const [path, normal] of [
    ["/", "/"],
    ["/a/b.c/d-e_f~g", "/a/b.c/d-e_f~g"],
    ["/a:b@c!$&'()*+,=d", "/a:b@c!$&'()*+,=d"],
    ["/%41%7e%2D", "/A~-"],
    ["/%c3%a4", "/%C3%A4"],
    ["/a%2fb%5cc%3f%23%25", "/a%2Fb%5Cc%3F%23%25"],
    ["/a/./b/../c", "/a/c"],
    ["/a/%2e%2E/b", "/b"],
    ["/a/.%2e/b", "/b"],
    ["/a/..", "/"],
    ["/a/b/..", "/a/"],
    ["/a/.", "/a/"],
    ["/.", "/"],
    ["/.a/..b/c.", "/.a/..b/c."],
    ["/...", "/..."],
    ["/a//b", "/a//b"],
    ["/a//../b", "/a/b"],
    ["//a", "//a"],
    ["/a;x=y/b", "/a;x=y/b"],
    ["/a/..;/b", "/a/..;/b"],
    ["/%252e%252e/", "/%252e%252e/"],
  ] as const)
    test(`${path} is ${normal}`, () => assert.equal(normalisePath(path), normal));

  for (const [path, detail] of [
    ["/%", "bad_percent"],
    ["/%4", "bad_percent"],
    ["/%4g", "bad_percent"],
    ["/%00", "bad_percent"],
    ["/a b", "bad_path"],
    ["/a\\b", "bad_path"],
    ["/a#b", "bad_path"],
    ['/a"b', "bad_path"],
    ["/\xe4", "bad_path"],
    ["/\u0100", "bad_path"],
    ["/..", "above_root"],
    ["/a/../../b", "above_root"],
    ["/%2e%2e/a", "above_root"],
  ] as const)
    test(`${path} is refused: ${detail}`, () => assert.equal(detailOf(path), detail));

  const piece = fc.constantFrom(
    "/",
    "/",
    "a",
    "b",
    ".",
    "..",
    "%2e",
    "%2F",
    "%5c",
    "%25",
    "%41",
    "%e4",
    ";",
    "~",
  );
  const path = fc.array(piece, { maxLength: 12 }).map((pieces) => `/${pieces.join("")}`);

  test("is its own normal form, and has no dot segments", () => {
    fc.assert(
      fc.property(path, (text) => {
        const normal = normalisePath(text);
        if (typeof normal !== "string") return;
        assert.equal(normalisePath(normal), normal);
        assert.ok(!normal.split("/").some((segment) => segment === "." || segment === ".."));
      }),
    );
  });

  test("is what Node's URL has, where that has the same idea of it", () => {
    fc.assert(
      fc.property(path, (text) => {
        const normal = normalisePath(text);
        if (typeof normal !== "string" || text.startsWith("//")) return;
        // WHATWG leaves what is encoded as it is, and never fails at the root.
        const url = new URL(`http://a${text}`).pathname;
        assert.equal(normalisePath(url), normal);
      }),
    );
  });
});

describe("the second reading of a path", () => {
  const read = (text: string): string | undefined => {
    const normal = normalisePath(text);
    assert.ok(typeof normal === "string");
    return pathFacts.ambiguous ? secondReading(normal) : undefined;
  };
  for (const [path, reading] of [
    ["/a/b", undefined],
    ["/a/./b", undefined],
    ["/%41/%e4", undefined],
    ["/public%2F..%2Fadmin", "/admin"],
    ["/public%2f..%2fadmin", "/admin"],
    ["/public/..%5Cadmin", "/admin"],
    ["/public/%252e%252e/admin", "/admin"],
    ["/public/..;x/admin", "/admin"],
    ["/public/%252F..%252Fadmin", "/admin"],
    ["//admin", "/admin"],
    ["/a//b/", "/a/b/"],
    ["/a;x/b;y=z", "/a/b"],
    ["/..%2F..%2Fa", "/a"],
    ["/a%2F", "/a/"],
    ["/a/100%25", "/a/100%"],
    ["/%25zz", "/%zz"],
    ["/group%2Fproject", "/group/project"],
    ["//", "/"],
    ["/admin%3Fx", "/admin"],
    ["/admin%23", "/admin"],
    ["/admin%253Fx", "/admin"],
    ["/admin%3Bx=y", "/admin"],
    ["/a%3F/../b", "/b"],
    ["/directory/room/%23name:a.test", "/directory/room/"],
  ] as const)
    test(`${path} ${reading === undefined ? "has none" : `may be ${reading}`}`, () =>
      assert.equal(read(path), reading));
});

describe("the host of an authority", () => {
  for (const [authority, host] of [
    ["example.com", "example.com"],
    ["EXAMPLE.com:8443", "example.com"],
    ["A", "a"],
    [`${"a".repeat(253)}.`, "a".repeat(253)],
    ["Z", "z"],
    ["example.com.", "example.com"],
    ["example.com.:80", "example.com"],
    ["a_b-c~d", "a_b-c~d"],
    ["192.0.2.1:1", "192.0.2.1"],
    ["[2001:DB8::1]", "[2001:db8::1]"],
    ["[::1]:65535", "[::1]"],
  ] as const)
    test(`${authority.slice(0, 30)} is ${host.slice(0, 30)}`, () => assert.equal(hostOf(authority), host));

  for (const authority of [
    ...["", ":80", "a:", "a:0", "a:65536", "a:123456", "a:8x", "a:-1", "a:80:80"],
    ...["a/b", "u@a", "a%41", "a b", "\xe4", "a,b", "a;b", "a\\b", "a?b", "a#b"],
    ...[
      "[::1",
      "[::1]x",
      "[]",
      "[::g]",
      "[1.2.3.4]",
      "::1",
      "[fe80::1%25eth0]",
      "[fe80::1%eth0]",
      "a".repeat(255),
    ],
  ])
    test(`${JSON.stringify(authority.slice(0, 20))} has none`, () =>
      assert.equal(hostOf(authority), undefined));
});

describe("a target", () => {
  for (const [text, method, expected] of [
    ["/a?b?c=/../%", "GET", { path: "/a", query: "?b?c=/../%", authority: undefined }],
    ["/?", "GET", { path: "/", query: "?", authority: undefined }],
    ["http://a", "GET", { path: "/", query: "", authority: "a" }],
    ["HTTPS://a:1/b/../c?d", "GET", { path: "/c", query: "?d", authority: "a:1" }],
    ["http://a?b", "GET", { path: "/", query: "?b", authority: "a" }],
    ["http://a", "OPTIONS", { path: "*", query: "", authority: "a" }],
    ["http://a/", "OPTIONS", { path: "/", query: "", authority: "a" }],
    ["*", "OPTIONS", { path: "*", query: "", authority: undefined }],
  ] as const)
    test(`${method} ${text}`, () => {
      assert.equal(readTarget(text, method), undefined);
      const { path, query, authority } = target;
      assert.deepEqual({ path, query, authority }, expected);
    });

  for (const text of [
    "",
    "a",
    "a:80",
    "*",
    "*a",
    "http:/a",
    "http:///a",
    "ws://a/",
    "/?a#b",
    "/?a b",
    "/?\xe4",
    "http://a?#b",
  ])
    test(`${JSON.stringify(text)} is refused`, () => assert.equal(readTarget(text, "GET"), "bad_target"));

  test("knows of a second path only where there is one", () => {
    readTarget("/a%2Fb", "GET");
    assert.equal(target.secondPath, "/a/b");
    readTarget("/a", "GET");
    assert.equal(target.secondPath, undefined);
    readTarget("/a%2Fb", "GET");
    readTarget("*", "OPTIONS");
    assert.equal(target.secondPath, undefined);
  });
});

describe("a key in a query", () => {
  const bytes = (text: string): string => Buffer.from(text).toString("latin1");
  for (const [query, key, value] of [
    ["", "a", undefined],
    ["?", "a", undefined],
    ["?a", "a", ""],
    ["?a=", "a", ""],
    ["?a=1&a=2", "a", "1"],
    ["?b=1&a=2", "a", "2"],
    ["?ab=1&a=2", "a", "2"],
    ["?a=1=2", "a", "1=2"],
    ["?a=1;b=2", "b", undefined],
    ["?a=x+y%20z", "a", "x y z"],
    ["?%61=1", "a", "1"],
    ["?a=%zz%", "a", "%zz%"],
    ["?a%3D=1", "a=", "1"],
    ["?A=1", "a", undefined],
    ["?&&a=1", "a", "1"],
    ["?=1", "", "1"],
    ["?%C3%A4=%c3%b6", bytes("ä"), bytes("ö")],
    ["?a=%4&b=1", "b", "1"],
  ] as const)
    test(`${JSON.stringify(key)} in ${query} is ${JSON.stringify(value)}`, () =>
      assert.equal(queryValue(query, key), value));

  test("is what URLSearchParams finds", () => {
    // Nothing that a percent sign alone could make a byte of with what follows, but one that is UTF-8.
    const part = fc.constantFrom("x", "y", "=", "&", "+", "%41", "%c3%a4", "%", "1", ";");
    const query = fc.array(part, { maxLength: 10 }).map((parts) => `?${parts.join("")}`);
    const key = fc.constantFrom("x", "y", "A", "ä", " ", "%");
    fc.assert(
      fc.property(query, key, (text, name) => {
        // It passes over empty pairs, and reads UTF-8, which these are.
        const found = new URLSearchParams(text).get(name);
        assert.equal(queryValue(text, bytes(name)), found === null ? undefined : bytes(found));
      }),
      { numRuns: 1_000 },
    );
  });
});

test("authorities are the same whatever their case, and with or without the port of their scheme", () => {
  for (const [one, other, scheme, same] of [
    ["a.test", "a.test", "http", true],
    ["A.test", "a.TEST", "http", true],
    ["a.test:80", "a.test", "http", true],
    ["a.test", "a.test:443", "https", true],
    ["a.test:443", "a.test", "http", false],
    ["a.test:80", "a.test:443", "http", false],
    ["a.test:8080", "a.test", "http", false],
    ["[::1]:80", "[::1]", "http", true],
    ["[::80]", "[:]", "http", false],
    ["a.test", "b.test", "http", false],
    ["a.test", "", "http", false],
  ] as const) {
    assert.equal(isSameAuthority(one, other, scheme), same, `${one} ${other}`);
    assert.equal(isSameAuthority(other, one, scheme), same, `${other} ${one}`);
  }
});

test("merged slashes leave one reading, unless something else has two", () => {
  for (const [path, merged, second] of [
    ["/a/b", "/a/b", undefined],
    ["//a///b//", "/a/b/", undefined],
    ["//", "/", undefined],
    ["/a//b%20c", "/a/b%20c", undefined],
    ["/a//b%2Fc", "/a/b%2Fc", "/a/b/c"],
    ["//a;x//b", "/a;x/b", "/a/b"],
  ] as const)
    assert.deepEqual(
      withMergedSlashes({ path, secondPath: path === merged ? undefined : "other" }),
      { path: merged, secondPath: second },
      path,
    );
});
