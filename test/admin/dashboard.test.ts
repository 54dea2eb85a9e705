import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { dashboard } from "../../src/admin/dashboard.ts";

const { html, policy } = dashboard();

test("the page may load nothing but itself and what its own server says", () => {
  const hashOf = (tag: string): string => {
    const [, text = ""] = new RegExp(`<${tag}>(.*?)</${tag}>`, "s").exec(html)!;
    return `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
  };
  assert.ok(policy.startsWith("default-src 'none'; "));
  assert.ok(policy.includes(`script-src ${hashOf("script")};`));
  assert.ok(policy.includes(`style-src ${hashOf("style")};`));
  // SVG's namespace is no address that anybody asks.
  const own = html.replace("http://www.w3.org/2000/svg", "");
  assert.equal(own.match(/<script|<style|<link|<img| style=| on\w+="|innerHTML|https?:/g)?.length, 2);
});
