import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { createContext, runInContext } from "node:vm";
import { dashboard } from "../../src/admin/dashboard.ts";
import { readStatus, type Status } from "../../src/control/tell/status.ts";
import { testInput } from "../control/tell/metrics-input.ts";
import { becomes } from "../support/settled.ts";

const { html, policy } = dashboard();
const [, script = ""] = /<script>(.*?)<\/script>/s.exec(html)!;

/** As much of a document as the page needs. */
class FakeNode {
  className = "";
  #text = "";
  #children: (FakeNode | string)[] = [];

  set textContent(text: string) {
    this.#text = text;
  }

  append(...children: (FakeNode | string)[]): void {
    this.#children.push(...children);
  }

  replaceChildren(...children: FakeNode[]): void {
    this.#children = children;
  }

  setAttribute(): void {}

  /** What a reader sees, a line each. */
  get lines(): string[] {
    return [
      this.#text,
      ...this.#children.flatMap((child) => (typeof child === "string" ? child : child.lines)),
    ].filter((text) => text !== "");
  }
}

/** Opens the page, which asks for these answers one after the other. */
function open(answers: readonly (Status | Error)[]) {
  const parts = { process: new FakeNode(), tables: new FakeNode() };
  const waiting: (() => void)[] = [];
  let asked = 0;
  let clock = 0;
  const page = createContext({
    Node: FakeNode,
    AbortSignal,
    document: {
      hidden: false,
      getElementById: (id: keyof typeof parts) => parts[id],
      createElement: () => new FakeNode(),
    },
    performance: { now: () => clock },
    setTimeout: (run: () => void) => waiting.push(run),
    fetch: async (path: string) => {
      assert.equal(path, "status");
      const answer = answers[asked++]!;
      if (answer instanceof Error) throw answer;
      return { ok: true, json: async () => structuredClone(answer) };
    },
  });
  runInContext(script, page);
  const next = async (): Promise<void> => {
    await becomes(
      () => waiting.length,
      (runs) => runs === 1,
      "the page's next look",
    );
    clock += 2_000;
  };
  return { parts, next, again: () => waiting.shift()!() };
}

test("the page may load nothing but itself and /status", () => {
  const hashOf = (tag: string): string => {
    const [, text = ""] = new RegExp(`<${tag}>(.*?)</${tag}>`, "s").exec(html)!;
    return `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
  };
  assert.ok(policy.startsWith("default-src 'none'; "));
  assert.ok(policy.includes(`script-src ${hashOf("script")};`));
  assert.ok(policy.includes(`style-src ${hashOf("style")};`));
  assert.equal(html.match(/<script|<style|<link|<img| style=| on\w+=|innerHTML|https?:/g)?.length, 2);
});

test("the page shows what /status says, and how fast it rises", async () => {
  const input = testInput();
  const first = await readStatus(input);
  const [[listener, { bind }]] = Object.entries(first.listeners) as [[string, Status["listeners"][string]]];
  const later = structuredClone(first) as { -readonly [K in keyof Status]: Status[K] };
  later.listeners = {
    ...first.listeners,
    [listener]: {
      ...first.listeners[listener]!,
      connections_total: first.listeners[listener]!.connections_total + 50,
    },
  };
  const { parts, next, again } = open([first, later, new Error("gone"), first]);
  await next();
  const shown = parts.tables.lines;
  for (const text of [listener, bind]) assert.ok(shown.includes(text), text);
  for (const [name, { picker, backends }] of Object.entries(first.pools)) {
    assert.ok(shown.some((line) => line.startsWith(name)));
    assert.ok(shown.some((line) => line.startsWith(picker)));
    for (const { address, state } of backends) {
      assert.ok(shown.includes(address));
      assert.ok(shown.some((line) => line.startsWith(state)));
    }
  }
  assert.match(
    parts.process.lines.join(),
    new RegExp(`^${first.state} · .* generation ${first.generation} · `),
  );
  assert.ok(![...shown, ...parts.process.lines].some((line) => /undefined|NaN|\[object/.test(line)));

  again();
  await next();
  assert.ok(parts.tables.lines.includes("25"), "50 in two seconds");
  again();
  await next();
  assert.match(parts.process.lines.join(), /^no answer from umay since .*: gone$/);
  again();
  await next();
  assert.match(parts.process.lines.join(), new RegExp(`^${first.state} · `));
});
