import { readFileSync, writeFileSync } from "node:fs";
import { connectFailures } from "../src/model/connect-failures.ts";
import { retryRefusals, retryTriggers } from "../src/model/http/retry.ts";
import { endReasons, handshakeResults, rejectReasons, requestReasons } from "../src/model/reasons.ts";
import { requestFieldsTable } from "../src/model/request-log.ts";
import { boundsTable, metricsTable } from "../src/observe/metrics.ts";
import { envoyFields, lineOperatorTable, operatorTable } from "../src/providers/envoy/docs/tables.ts";
import { annotationTable, featureList } from "../src/providers/kubernetes/docs/tables.ts";
import {
  configurationTables,
  markdownTable,
  pickerTable,
  plannedList,
} from "../src/providers/toml/docs/tables.ts";
import { jsonSchema } from "../src/providers/toml/schema.ts";

/*
 * Writes what follows from the code: `node tools/generate.ts`. With --check it only says what is stale.
 * A document is generated as a whole, or has parts between <!-- generated:NAME --> and <!-- /generated:NAME -->.
 */
type Generated = { readonly file: string } & (
  | { readonly whole: () => string }
  | { readonly parts: Readonly<Record<string, () => string>> }
);

const documents: readonly Generated[] = [
  { file: "config/umay.schema.json", whole: () => `${JSON.stringify(jsonSchema(), null, 2)}\n` },
  {
    file: "docs/configuration.md",
    parts: { keys: configurationTables, pickers: pickerTable, planned: plannedList },
  },
  {
    file: "docs/reasons.md",
    parts: {
      "end-reasons": () => reasonTable(endReasons),
      "request-reasons": () => reasonTable(requestReasons),
      "retry-triggers": () => textTable("`retry.on`", textsOf(retryTriggers)),
      "retry-refusals": () => textTable("`retry`", retryRefusals),
      "reject-reasons": () => reasonTable(rejectReasons),
      "handshake-results": () => reasonTable(handshakeResults),
      "connect-failures": () => reasonTable(connectFailures),
    },
  },
  {
    file: "docs/envoy.md",
    parts: { fields: envoyFields, operators: operatorTable, "line-operators": lineOperatorTable },
  },
  { file: "docs/kubernetes.md", parts: { "nginx-annotations": annotationTable, features: featureList } },
  { file: "docs/operations.md", parts: { "request-fields": requestFieldsTable } },
  { file: "docs/metrics.md", parts: { metrics: metricsTable, bounds: boundsTable } },
];

interface Reason {
  readonly origin: string;
  readonly text: string;
  readonly retryable?: boolean;
  readonly status?: number;
}

function reasonTable(reasons: Readonly<Record<string, Reason>>): string {
  const entries = Object.entries(reasons);
  const retries = entries.some(([, { retryable }]) => retryable !== undefined);
  const answers = entries.some(([, { status }]) => status !== undefined);
  return markdownTable(
    [
      "code",
      "caused by",
      ...(answers ? ["answer"] : []),
      ...(retries ? ["next backend is tried"] : []),
      "meaning",
    ],
    entries.map(([name, { origin, text, retryable, status }]) => [
      `\`${name}\``,
      origin,
      ...(answers ? [status === 0 ? "–" : String(status)] : []),
      ...(retries ? [retryable ? "yes" : "no"] : []),
      text,
    ]),
  );
}

const textTable = (head: string, texts: Readonly<Record<string, string>>): string =>
  markdownTable(
    [head, "meaning"],
    Object.entries(texts).map(([name, text]) => [`\`${name}\``, text]),
  );

const textsOf = (things: Readonly<Record<string, { readonly text: string }>>): Record<string, string> =>
  Object.fromEntries(Object.entries(things).map(([name, { text }]) => [name, text]));

function render(document: Generated, current: string): string {
  if ("whole" in document) return document.whole();
  return Object.entries(document.parts).reduce((text, [name, part]) => {
    const [open, close] = [`<!-- generated:${name} -->`, `<!-- /generated:${name} -->`];
    const [start, end] = [text.indexOf(open), text.indexOf(close)];
    if (start === -1 || end < start) throw new Error(`${document.file} lacks ${open} … ${close}`);
    return `${text.slice(0, start + open.length)}\n\n${part()}\n\n${text.slice(end)}`;
  }, current);
}

function readIfThere(file: URL): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "";
    throw error;
  }
}

const check = process.argv.includes("--check");
for (const document of documents) {
  const file = new URL(`../${document.file}`, import.meta.url);
  const current = readIfThere(file);
  const wanted = render(document, current);
  if (wanted === current) continue;
  if (check) {
    console.error(`${document.file} is stale; run: node tools/generate.ts`);
    process.exitCode = 1;
  } else {
    writeFileSync(file, wanted);
    console.log(`wrote ${document.file}`);
  }
}
