import { markdownTable } from "../../toml/docs/tables.ts";
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
