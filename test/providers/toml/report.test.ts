import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { promisify, stripVTControlCharacters } from "node:util";
import fc from "fast-check";
import { formatProblems } from "../../../src/providers/toml/report/format.ts";
import { codeFrame, splitLines } from "../../../src/providers/toml/report/frame.ts";
import { anyText } from "../../support/any-text.ts";
import { load, smallest } from "./loading.ts";

const withPicker = `${smallest}\n[pools.echo]\npicker = "round-robbin"\n`;

test("a problem is a head line, the lines around it with a marker, and a guess", async () => {
  const { problems } = await load(withPicker);
  assert.equal(
    formatProblems(problems, { color: false }),
    `umay.toml:10:10: error: pools.echo.picker: expected "round-robin", "random", "least-connection", "power-of-two", "peak-ewma" or "consistent-hash", got "round-robbin"
     9 | [pools.echo]
  > 10 | picker = "round-robbin"
       |          ^^^^^^^^^^^^^^
    11 |
  did you mean "round-robin"?
`,
  );
});

test("colours change nothing but colours", async () => {
  const { problems } = await load(`${withPicker}[shutdwon]\n`, { UMAY__X: "1" });
  const [plain, colored] = [
    formatProblems(problems, { color: false }),
    formatProblems(problems, { color: true }),
  ];
  assert.notEqual(colored, plain);
  assert.equal(stripVTControlCharacters(colored), plain);
});

test("problems are apart by an empty line, and one without a place in the file has no frame", async () => {
  const { problems } = await load(smallest, { UMAY__A: "1", UMAY__BC: "1" });
  assert.equal(
    formatProblems(problems, { color: false }),
    "UMAY__A: error: fits nothing: the configuration has no key a\n\nUMAY__BC: error: fits nothing: the configuration has no key bc\n",
  );
});

test("a syntax error has the same form", async () => {
  const { problems } = await load('[log\nlevel = "info"\n');
  const lines = formatProblems(problems, { color: false }).split("\n");
  assert.match(lines[0]!, /^umay\.toml:1:\d+: error: the table's name needs \] at its end$/);
  assert.equal(lines[1], "  > 1 | [log");
  assert.match(lines[2]!, /^ +\| +\^$/);
});

test("keys are marked where they are written: dotted, quoted, inline and in lists of tables", async () => {
  const places: readonly [text: string, where: string][] = [
    [`log.levle = "info"\n${smallest}`, "1:5"],
    [`log."levle" = "info"\n${smallest}`, "1:5"],
    [`log = { level = "info", levle = 1 }\n${smallest}`, "1:25"],
    [`${smallest}[[listeners.echo.tls.certificates]]\ncert = "a"\nkey = "b"\ncrt = 1\n`, "11:1"],
    [
      `${smallest}[[listeners.echo.tls.certificates]]\ncert = "a"\nkey = "b"\n[[listeners.echo.tls.certificates]]\ncert = 5\nkey = "c"\n`,
      "12:8",
    ],
    [`${smallest}[listeners.echo.tls]\ncertificates = [\n  { cert = "a",\n    ky = "b" },\n]\n`, "11:5"],
  ];
  for (const [text, where] of places) {
    const { problems } = await load(text);
    assert.ok(
      problems.some((problem) => problem.where === `umay.toml:${where}`),
      `${where} is not in ${problems.map((problem) => problem.where)}`,
    );
  }
});

test("a marker keeps to its line, lies under what it marks also behind tabs, and hides control characters", () => {
  const range = { line: 1, column: 2, endLine: 2, endColumn: 1 };
  assert.equal(
    codeFrame(["\tab\u001b[31m", "next"], range),
    "> 1 | \tab\ufffd[31m\n    | \t^^^^^^^\n  2 | next",
  );
  assert.equal(codeFrame([""], { line: 1, column: 1, endLine: 1, endColumn: 1 }), "> 1 |\n    | ^");
});

test("of a long line the part around the marker is shown", () => {
  const frame = codeFrame([`${"a".repeat(500)}bad${"c".repeat(500)}`, "short"], {
    line: 1,
    column: 501,
    endLine: 1,
    endColumn: 504,
  });
  assert.deepEqual(frame.split("\n"), [
    `> 1 | ${"a".repeat(60)}bad${"c".repeat(57)}`,
    `    | ${" ".repeat(60)}^^^`,
    "  2 |",
  ]);
});

test("a frame of any text at any place has its marker and no control characters", () => {
  fc.assert(
    fc.property(anyText, fc.nat(20), (text, column) => {
      const frame = codeFrame(splitLines(text), {
        line: 1,
        column: column + 1,
        endLine: 1,
        endColumn: column + 3,
      });
      assert.ok(frame.includes("^^"));
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there.
      assert.doesNotMatch(frame, /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/);
    }),
  );
});

test("a good file does not load the parser that knows positions", async () => {
  const script = `
    import { registerHooks } from "node:module";
    const loaded = [];
    registerHooks({ load: (url, context, next) => { loaded.push(url); return next(url, context); } });
    const { loadConfigText } = await import(${JSON.stringify(import.meta.resolve("../../../src/providers/toml/load.ts"))});
    const options = { name: "umay.toml", directory: "/", env: {} };
    const count = () => loaded.filter((url) => url.includes("toml-eslint-parser")).length;
    await loadConfigText(${JSON.stringify(smallest)}, options);
    const before = count();
    await loadConfigText(${JSON.stringify(withPicker)}, options).catch(() => {});
    console.log(JSON.stringify([before, count() > 0]));`;
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", script]);
  assert.deepEqual(JSON.parse(stdout), [0, true]);
});
