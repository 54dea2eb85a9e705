import { variables } from "../../../model/http/template.ts";
import { isRequestField, requestFields } from "../../../model/request-log.ts";
import { markdownTable } from "../../toml/docs/tables.ts";
import { lineOperators } from "../map/access-log.ts";
import { operators } from "../map/operators.ts";
import { envoyTypes } from "../schema/registry.ts";
import type { Field, MessageType } from "../schema/table.ts";

/** Messages that only umay and a control plane exchange, or that are values. */
const plumbing = /^(envoy\.service\.discovery|google\.rpc)\./;

/** Every message that umay reads, field by field. */
export function envoyFields(): string {
  const messages = [...envoyTypes().values()].filter(
    (type): type is MessageType => type.kind === "message" && !plumbing.test(type.name),
  );
  return messages.map(messageSection).join("\n\n");
}

function messageSection({ name, fields }: MessageType): string {
  const all = [...fields.values()];
  const lines = [`**\`${name}\`**`, ""];
  const mapped = all.filter(({ treatment }) => treatment === "mapped");
  const refused = all.filter(({ treatment, why }) => treatment === "refused" && why.startsWith("umay can't"));
  const told = all.filter((field) => field.treatment !== "mapped" && !refused.includes(field));
  if (mapped.length > 0) lines.push(`Mapped: ${namesOf(mapped)}.`);
  else lines.push("It has no field that matters.");
  if (refused.length > 0) lines.push(`Refused: ${namesOf(refused)}.`);
  if (told.length > 0)
    lines.push(
      "",
      markdownTable(
        ["field", "", "why"],
        told.map(({ name: field, treatment, why }) => [`\`${field}\``, treatment, why]),
      ),
    );
  return lines.join("\n");
}

const namesOf = (fields: readonly Field[]): string => fields.map(({ name }) => `\`${name}\``).join(", ");

/** Envoy's command operators, with umay's variables. */
export function operatorTable(): string {
  const rows = Object.entries(operators).map(([operator, variable]) => [
    `\`%${operator}%\``,
    `\`\${${variable}}\``,
  ]);
  return markdownTable(["operator", "variable"], [...rows, ["`%REQ(NAME)%`", `\`\${request.header.NAME}\``]]);
}

/** Envoy's command operators in lines of logs, with the fields of umay's that they stand for. */
export function lineOperatorTable(): string {
  const rows = Object.entries(lineOperators).map(([operator, field]) => [
    `\`%${operator}%\``,
    lineWords(field),
  ]);
  return markdownTable(
    ["operator", "value"],
    [
      ...rows,
      ...Object.entries(operators)
        .filter(([operator]) => !Object.hasOwn(lineOperators, operator))
        .map(([operator, variable]) => [`\`%${operator}%\``, variables[variable]]),
      [
        "`%REQ(NAME)%`, `%RESP(NAME)%`, `%TRAILER(NAME)%`",
        "the field of that name; `NAME?OTHER` is the first of them that there is",
      ],
    ],
  );
}

const lineWords = (field: string): string =>
  isRequestField(field) ? requestFields[field] : envoyWords[field as keyof typeof envoyWords];

const envoyWords = {
  "envoy.start": "when the request began, ISO 8601",
  "envoy.route": "the name of the route, where it has one",
  "envoy.status": "the status of the answer; 0: there was none",
  "envoy.flags": "Envoy's flags of what went wrong: `UH`, `UF`, `UT` and the like",
  "envoy.grpc_status":
    "how a call of gRPC ended: `Unavailable`, say; by the answer's status, where nothing else says it",
  "envoy.grpc_status_name": "the same as `UNAVAILABLE`",
  "envoy.grpc_status_number": "the same as a number",
  "envoy.client":
    "the client's address, as far as it is believed, with its port, or 0 where that is not known",
  "envoy.failure": "how the last attempt to ask a backend failed",
  "envoy.nothing": "nothing: requests do not end for what it tells of",
  "envoy.sending": "milliseconds from the head of the backend's answer to its last byte",
  "envoy.duration": "milliseconds from the request's head to the last byte of the answer",
  "envoy.first_byte": "milliseconds from the request's head to the head of the backend's answer",
} as const;
