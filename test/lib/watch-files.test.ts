import assert from "node:assert/strict";
import {
  type FSWatcher,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { FileWatch, type WatchFilesOptions } from "../../src/lib/watch-files.ts";
import { patient } from "../support/patience.ts";

let dir: string;
let watch: FileWatch | undefined;
let calls: number;
let called: PromiseWithResolvers<void>;
let blind: string[];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "umay-watch-"));
  calls = 0;
  called = Promise.withResolvers();
  blind = [];
});

afterEach(() => {
  watch?.stop();
  rmSync(dir, { recursive: true, force: true });
});

const at = (...names: string[]): string => join(dir, ...names);

/** Watches, and waits for the first call. */
async function start(files: readonly string[], options: Partial<WatchFilesOptions> = {}): Promise<void> {
  watch = new FileWatch(
    () => files,
    async () => {
      calls++;
      called.resolve();
      called = Promise.withResolvers();
    },
    { settle: 20, poll: 60_000, onBlind: ({ code }) => blind.push(code ?? ""), ...options },
  );
  await called.promise;
}

/** Does something and expects to be called for it within two seconds of a quiet machine. */
async function noticed(change: () => void): Promise<void> {
  const before = calls;
  const promise = called.promise;
  change();
  const late = sleep(patient(2000), undefined, { ref: false }).then(() => assert.fail("not noticed"));
  await Promise.race([promise, late]);
  assert.ok(calls > before);
}

async function unnoticed(change: () => void): Promise<void> {
  const before = calls;
  change();
  await sleep(100);
  assert.equal(calls, before);
}

test("a write in place, an atomic rename, a removal and a return are noticed", async () => {
  writeFileSync(at("a"), "1");
  await start([at("a")]);
  await noticed(() => writeFileSync(at("a"), "2"));
  await noticed(() => {
    writeFileSync(at("a.new"), "3");
    renameSync(at("a.new"), at("a"));
  });
  await noticed(() => unlinkSync(at("a")));
  await noticed(() => writeFileSync(at("a"), "4"));
});

test("other files of the folder are not noticed", async () => {
  writeFileSync(at("a"), "1");
  await start([at("a")]);
  await unnoticed(() => writeFileSync(at("b"), "1"));
});

test("a swapped link is noticed, and so is the next one, as Kubernetes swaps them", async () => {
  for (const version of ["..1", "..2", "..3"]) {
    mkdirSync(at(version));
    writeFileSync(at(version, "cert"), version);
  }
  symlinkSync("..1", at("..data"));
  symlinkSync(join("..data", "cert"), at("cert"));
  await start([at("cert")]);
  for (const [version, last] of [
    ["..2", "..1"],
    ["..3", "..2"],
  ] as const)
    await noticed(() => {
      symlinkSync(version, at("..tmp"));
      renameSync(at("..tmp"), at("..data"));
      rmSync(at(last), { recursive: true });
    });
  await noticed(() => writeFileSync(at("..3", "cert"), "in place"));
});

test("a link to a folder that leads elsewhere is noticed, and what happens there then", async () => {
  for (const version of ["v1", "v2"]) {
    mkdirSync(at(version));
    writeFileSync(at(version, "cert"), version);
  }
  symlinkSync(at("v1"), at("current"));
  await start([at("current", "cert")]);
  await noticed(() => {
    unlinkSync(at("current"));
    symlinkSync(at("v2"), at("current"));
  });
  await noticed(() => writeFileSync(at("v2", "cert"), "new"));
  await unnoticed(() => writeFileSync(at("v1", "cert"), "old"));
});

test("a folder that goes and comes back is noticed, with what is in it", async () => {
  mkdirSync(at("a", "b"), { recursive: true });
  writeFileSync(at("a", "b", "cert"), "1");
  await start([at("a", "b", "cert")]);
  await noticed(() => rmSync(at("a"), { recursive: true }));
  await noticed(() => {
    mkdirSync(at("a", "b"), { recursive: true });
    writeFileSync(at("a", "b", "cert"), "2");
  });
  await noticed(() => writeFileSync(at("a", "b", "cert"), "3"));
});

test("a folder that is replaced by another is noticed, with what happens in the new one", async () => {
  for (const name of ["certs", "next"]) {
    mkdirSync(at(name));
    writeFileSync(at(name, "cert"), name);
  }
  await start([at("certs", "cert")]);
  await noticed(() => {
    renameSync(at("certs"), at("old"));
    renameSync(at("next"), at("certs"));
  });
  await noticed(() => writeFileSync(at("certs", "cert"), "new"));
});

test("a renamed folder far above a file is noticed, and what happens in the one that takes its place", async () => {
  for (const name of ["live", "next"]) {
    mkdirSync(at(name, "a", "b"), { recursive: true });
    writeFileSync(at(name, "a", "b", "cert"), name);
  }
  await start([at("live", "a", "b", "cert")]);
  await noticed(() => renameSync(at("live"), at("old")));
  await noticed(() => renameSync(at("next"), at("live")));
  await noticed(() => writeFileSync(at("live", "a", "b", "cert"), "new"));
  await unnoticed(() => writeFileSync(at("old", "a", "b", "cert"), "old"));
});

test("links that lead in a circle do no harm", async () => {
  symlinkSync("y", at("x"));
  symlinkSync("x", at("y"));
  await start([at("x")]);
  await noticed(() => {
    unlinkSync(at("x"));
    writeFileSync(at("x"), "1");
  });
});

test("many changes at once are one call, when they are over", async () => {
  writeFileSync(at("a"), "0");
  await start([at("a")], { settle: 100 });
  await noticed(() => {
    for (let round = 0; round < 20; round++) writeFileSync(at("a"), String(round));
  });
  await sleep(200);
  assert.equal(calls, 2);
});

test("a file that is written to all the time is looked at all the same", async () => {
  writeFileSync(at("a"), "0");
  await start([at("a")], { settle: 40 });
  const writing = setInterval(() => writeFileSync(at("a"), String(performance.now())), 10);
  try {
    await noticed(() => {});
  } finally {
    clearInterval(writing);
  }
});

test("where nothing tells of changes, they are found by the poll, and that is said once", async () => {
  writeFileSync(at("a"), "1");
  mkdirSync(at("other"));
  writeFileSync(at("other", "b"), "1");
  const full = (): FSWatcher => {
    throw Object.assign(new Error("no space left"), { code: "ENOSPC" });
  };
  await start([at("a"), at("other", "b")], { poll: 30, watch: full as never });
  await noticed(() => {});
  await noticed(() => {});
  assert.deepEqual(blind, ["ENOSPC"]);
});

test("the poll goes on after a look that took longer than it", async () => {
  const slow = { left: 2 };
  watch = new FileWatch(
    () => [at("a")],
    async () => {
      calls++;
      if (slow.left-- > 0) await sleep(50);
      called.resolve();
      called = Promise.withResolvers();
    },
    { settle: 5, poll: 10, onBlind: () => {} },
  );
  for (let call = 0; call < 5; call++) await noticed(() => {});
});

test("it looks again when it is asked to, and not after it was stopped", async () => {
  await start([at("a")]);
  await noticed(() => watch!.lookAgain(10));
  watch!.stop();
  await unnoticed(() => {
    watch!.lookAgain(1);
    writeFileSync(at("a"), "1");
  });
});
