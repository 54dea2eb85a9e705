import assert from "node:assert/strict";
import { test } from "node:test";
import { tablesWithPages } from "../../src/model/http/pages.ts";
import type { HttpRoute, HttpRouteTable } from "../../src/model/http/route.ts";

test("a page that is read again changes its route's content, and nothing else of the table", () => {
  const content = { source: { file: "/page" }, bytes: Buffer.from("old"), type: "text/html" };
  const route = { name: "a", action: { kind: "respond", status: 200, content } } as unknown as HttpRoute;
  const hosts = [{ name: "a.test", rules: [{ match: {}, route }], isLast: true }];
  const table = { name: "t", hosts, fallsThrough: true } as unknown as HttpRouteTable;
  const bytes = Buffer.from("new");
  const [renewed] = tablesWithPages([table], new Map([["/page", bytes]]));
  const action = { ...route.action, content: { ...content, bytes } };
  const rules = [{ match: {}, route: { ...route, action } }];
  assert.deepEqual(renewed, { ...table, hosts: [{ ...hosts[0], rules }] });
});
