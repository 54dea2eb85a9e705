import { existsSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { errorAt, type Finding, type Path } from "../../../lib/findings.ts";
import { didYouMean } from "../../../lib/suggest.ts";
import {
  type AccessFormat,
  type AccessLogSettings,
  fieldsInFormat,
  type LinePart,
  mayBeSecret,
} from "../../../model/access-log.ts";
import { isRequestField, knownFormats, requestFields } from "../../../model/request-log.ts";
import type { AccessLogTable } from "../schema/access-log.ts";

type Report = (finding: Finding) => void;

/** Where the lines of requests go. @returns undefined without a table. */
export function resolveAccessLog(
  table: AccessLogTable | undefined,
  directory: string,
  report: Report,
): AccessLogSettings | undefined {
  if (table === undefined) return undefined;
  const path = ["log", "access"];
  const { format, template } = table;
  if (format !== "template" && template !== undefined)
    report(errorAt([...path, "template"], 'needs format = "template"'));
  if (format === "template" && template === undefined)
    report(errorAt([...path, "template"], 'is missing, and format = "template" needs it'));
  for (const key of ["request_fields", "response_fields", "trailer_fields"] as const)
    if (format !== "json" && table[key].length > 0)
      report(errorAt([...path, key], 'needs format = "json"; a template names the fields itself'));
  const file = resolve(directory, table.file);
  if (!existsSync(dirname(file)))
    report(
      errorAt([...path, "file"], `the folder ${dirname(file)} does not exist; make it, for umay's user`),
    );
  const compiled: AccessFormat =
    format === "json"
      ? { kind: "json" }
      : {
          kind: "text",
          parts: format === "template" ? parseTemplate(template ?? "", path, report) : knownFormats[format],
        };
  const fields =
    format === "json"
      ? {
          requestFields: table.request_fields,
          responseFields: table.response_fields,
          trailerFields: table.trailer_fields,
        }
      : fieldsInFormat(compiled);
  return { file, format: compiled, ...fields };
}

function parseTemplate(template: string, path: Path, report: Report): readonly LinePart[] {
  const at = [...path, "template"];
  if (/[^\x20-\x7e\u00a0-\uffff]/.test(template))
    report(errorAt(at, "has a control character; a line is one line of text"));
  // Texts and names take turns.
  return template.split(/\{([^{}]*)\}/).flatMap((piece, index): LinePart[] => {
    if (index % 2 === 0) return piece === "" ? [] : [piece];
    const [, of, name = ""] = /^(request|response|trailer)\.([a-zA-Z0-9!#$%&'*+.^_`|~-]+)$/.exec(piece) ?? [];
    const lower = name.toLowerCase();
    if (of !== undefined && mayBeSecret(lower))
      report(errorAt(at, `${JSON.stringify(piece)} may have a secret in it, which no log gets; remove it`));
    if (of === "request") return [{ request: lower }];
    if (of === "response") return [{ response: lower }];
    if (of === "trailer") return [{ trailer: lower }];
    if (!isRequestField(piece)) {
      const message = `${JSON.stringify(piece)} is nothing that is known of a request; expected one of the fields in docs/operations.md, request.NAME, response.NAME or trailer.NAME`;
      report(errorAt(at, message, didYouMean(piece, Object.keys(requestFields))));
    }
    return [{ field: piece }];
  });
}
