import assert from "node:assert/strict";
import { before, test } from "node:test";
import fc from "fast-check";
import { type CreatedCertificate, createCertificate } from "../../src/cli/create-certificate.ts";
import { type PemBlock, parsePem, pemText } from "../../src/material/pem.ts";

const bom = "\u00ef\u00bb\u00bf";
let first: CreatedCertificate;
let second: CreatedCertificate;

before(async () => {
  const notAfter = new Date(Date.now() + 86_400_000);
  first = await createCertificate({ commonName: "first", notAfter });
  second = await createCertificate({ commonName: "second", notAfter });
});

function blocks(text: string): readonly PemBlock[] {
  const parsed = parsePem(Buffer.from(text, "latin1"));
  assert.ok("value" in parsed, JSON.stringify(parsed));
  return parsed.value;
}

function problem(text: string | Uint8Array): string {
  const parsed = parsePem(typeof text === "string" ? Buffer.from(text, "latin1") : text);
  assert.ok("problem" in parsed);
  return parsed.problem;
}

const texts = (found: readonly PemBlock[]): readonly string[] => found.map(({ text }) => text);

test("blocks are OpenSSL's own text, with what they decode to", () => {
  const [cert, key] = blocks(first.cert + first.key);
  assert.deepEqual([cert!.text, key!.text], [first.cert, first.key]);
  assert.deepEqual([cert!.label, key!.label], ["CERTIFICATE", "PRIVATE KEY"]);
  assert.equal(pemText("CERTIFICATE", cert!.der), first.cert);
});

test("two CAs that are glued without a newline are two", () => {
  const glued = first.cert.trimEnd() + second.cert.trimEnd();
  assert.match(glued, /-----END CERTIFICATE----------BEGIN CERTIFICATE-----/);
  assert.deepEqual(texts(blocks(glued)), [first.cert, second.cert]);
});

test("however good blocks are glued, broken into lines, indented and commented, they are the same blocks", () => {
  const filler = fc.stringMatching(/^[\n\r\t #A-Za-z0-9:=/+-]{0,30}$/).filter((text) => !text.includes("-"));
  const between = fc.constantFrom("", "\n", "\r\n", "\n\n", bom, " ");
  const piece = fc.record({
    of: fc.constantFrom("first", "second", "key"),
    lineEnd: fc.constantFrom("\n", "\r\n", "\r", "", " \n", "\n\t "),
    width: fc.integer({ min: 1, max: 100 }),
    before: between,
    comment: filler,
    after: between,
  });
  fc.assert(
    fc.property(fc.array(piece, { minLength: 1, maxLength: 5 }), fc.boolean(), (pieces, marked) => {
      const whole = { first: first.cert, second: second.cert, key: first.key };
      const written = pieces.map(({ of, lineEnd, width, before, comment, after }) => {
        const [head = "", ...lines] = whole[of as keyof typeof whole].trimEnd().split("\n");
        const tail = lines.pop()!;
        const body = lines.join("").match(new RegExp(`.{1,${width}}`, "g"))!;
        return comment + before + [head, ...body, tail].join(lineEnd) + after;
      });
      assert.deepEqual(
        texts(blocks((marked ? bom : "") + written.join(""))),
        pieces.map(({ of }) => whole[of as keyof typeof whole]),
      );
    }),
  );
});

test("bytes of any kind are blocks or a problem in words, and a BEGIN is never skipped", () => {
  const part = fc.oneof(
    fc.constantFrom("-----BEGIN A-----", "-----END A-----", "-----BEGIN B-----", "\n", "AAAA", "=", "!", "-"),
    fc.string({ unit: "binary-ascii", maxLength: 8 }),
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 12 }), (parts) => {
      const text = parts.join("");
      const parsed = parsePem(Buffer.from(text, "latin1"));
      if ("problem" in parsed) assert.match(parsed.problem, /^(is|has) /);
      else assert.equal(parsed.value.length, text.split("-----BEGIN ").length - 1);
    }),
  );
});

for (const [what, damage, words] of [
  ["lost its END", (pem: string) => pem.replace(/-----END.*\n/, ""), /begins in line 1 has no -----END CERT/],
  [
    "lost a dash",
    (pem: string) => pem.replace("-----B", "----B"),
    /^has a damaged line 1: it should be -----B/,
  ],
  ["has another END", (pem: string) => pem.replace("END C", "END X509 C"), /another line than -----END CERT/],
  [
    "has strange characters",
    (pem: string) => pem.replace(/\n.{3}/, "\n***"),
    /has "\*" in line 2, which is no/,
  ],
  ["lost a character", (pem: string) => pem.replace(/\n./, "\n"), /is not whole: characters of its base64/],
  ["lost everything", (pem: string) => pem.replace(/\n[^-]+/, "\n"), /begins in line 1 is empty/],
] as const)
  test(`a block that ${what} is a problem although the next one is good`, () => {
    assert.match(problem(damage(first.cert) + second.cert), words);
  });

test("what is no PEM at all is told by what it is", () => {
  assert.match(problem(" \r\n"), /^is empty; /);
  assert.match(problem("hello"), /^is not PEM: it has no -----BEGIN/);
  assert.match(problem(blocks(first.cert)[0]!.der), /^is not PEM: it is DER; convert it/);
  assert.match(problem(Buffer.from(`\ufeff${first.cert}`, "utf16le")), /^is not PEM: it is UTF-16 text/);
  assert.match(problem(first.cert.slice(0, 200)), /^is cut short: /);
});
