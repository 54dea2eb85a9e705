import assert from "node:assert/strict";
import { existsSync, mkdtempDisposableSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { type ProgramRun, runProgram } from "../../src/lib/program.ts";
import { patient } from "../support/patience.ts";
import { becomes } from "../support/settled.ts";

const shell = (script: string, more: Partial<ProgramRun> = {}): Promise<string> =>
  runProgram({
    command: ["/bin/sh", "-c", script, "sh", "a b", "$HOME"],
    environment: {},
    timeout: patient(20_000),
    signal: new AbortController().signal,
    ...more,
  });

test("a program gets its arguments as they are, its own variables, and nothing else of this process", async () => {
  using dir = mkdtempDisposableSync(join(tmpdir(), "umay-program-"));
  const file = join(dir.path, "seen");
  const script = '{ printf "%s|" "$@"; pwd; cat; tr "\\0" "\\n" < /proc/self/environ; } > "$FILE"';
  await shell(script, { environment: { FILE: file } });
  const [args, ...variables] = readFileSync(file, "utf8").trimEnd().split("\n");
  assert.equal(args, "a b|$HOME|/");
  // Shells add where they are.
  const own = variables.filter((line) => !/^(PWD|OLDPWD|SHLVL|_)=/.test(line)).sort();
  assert.deepEqual(own, [
    `FILE=${file}`,
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  ]);
});

for (const [what, script, expected] of [
  ["a status", "echo first; echo last >&2; echo; exit 3", /^sh ended with status 3: last$/],
  ["a status without a word", "exit 1", /^sh ended with status 1$/],
  ["a signal", "kill -TERM $$", /^sh was ended by SIGTERM$/],
  [
    "a flood",
    "while :; do echo 0123456789012345678901234567890123456789; done",
    /^sh wrote more than 1048576 bytes: /,
  ],
] as const)
  test(`a failure is told with its last line: ${what}`, async () => {
    await assert.rejects(shell(script), { message: expected });
  });

test("its output comes back whole, and a failure has nothing of one that is secret", async () => {
  assert.equal(await shell("echo first; echo aside >&2; echo last"), "first\nlast\n");
  const isSecret = true;
  await assert.rejects(shell("echo secret; exit 1", { isSecret }), /^Error: sh ended with status 1$/);
  await assert.rejects(shell("echo why >&2; echo secret; exit 1", { isSecret }), /status 1: why$/);
});

test("a program that is not there is told of", async () => {
  const command = ["/nowhere/hook", "set"];
  await assert.rejects(
    shell("", { command }),
    /^Error: hook can't be started: spawn \/nowhere\/hook ENOENT$/,
  );
});

test("whoever is left behind with the output of a program that has ended is not waited for", async () => {
  const left = await shell('sleep 1000 & echo "$!"', { timeout: patient(5_000) });
  const pid = Number(left);
  assert.ok(isRunning(pid));
  process.kill(pid, "SIGKILL");
  await assert.rejects(shell("sleep 3 & echo no; exit 7"), /^Error: sh ended with status 7: no$/);
});

test("a program that takes too long is killed with what it has started", async () => {
  using dir = mkdtempDisposableSync(join(tmpdir(), "umay-program-"));
  const file = join(dir.path, "pid");
  const environment = { FILE: file };
  const slow = shell('sleep 1000 & echo $! > "$FILE"; echo waiting; wait', { environment, timeout: 500 });
  await assert.rejects(slow, /^Error: sh did not end within 0\.5 s/);
  await becomes(
    () => !existsSync(file) || !isRunning(Number(readFileSync(file, "utf8"))),
    (gone) => gone,
    "the end of its child",
  );
});

test("an abort ends a program, and starts none", async () => {
  using dir = mkdtempDisposableSync(join(tmpdir(), "umay-program-"));
  const file = join(dir.path, "pid");
  const controller = new AbortController();
  const { signal } = controller;
  const going = shell('echo $$ > "$FILE"; exec sleep 1000', { environment: { FILE: file }, signal });
  const pid = await becomes(
    () => (existsSync(file) ? Number(readFileSync(file, "utf8")) : 0),
    (read) => read > 0,
    "the program",
  );
  controller.abort();
  await assert.rejects(going, /^Error: sh was ended early$/);
  await becomes(
    () => isRunning(pid),
    (running) => !running,
    "the program",
  );
  await assert.rejects(shell("exit 0", { signal }), /^Error: sh was not started$/);
});

/** A process that nobody has waited for is a zombie. */
function isRunning(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}
