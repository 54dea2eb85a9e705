import { fieldText, isEditable } from "../../../http/edits.ts";
import { bytesOf } from "../../../lib/byte-text.ts";
import { errorAt } from "../../../lib/findings.ts";
import type { Node } from "../node.ts";
import type { Mapping } from "./context.ts";
import { mapTemplate } from "./operators.ts";

/** Names of a call of gRPC itself. */
const ofCalls = /^(grpc-|content-type$)/;

/**
 * `initial_metadata` of a `GrpcService`: the lines that each call of it has.
 * @param more takes the place of those of the same name. @returns empty where there are none.
 */
export function mapCallLines(service: Node | undefined, more: readonly Node[], mapping: Mapping): string {
  const keyOf = (header: Node): string => header.text("key").toLowerCase();
  const replaced = new Set(more.map(keyOf));
  const usual = (service?.nodes("initial_metadata") ?? []).filter((header) => !replaced.has(keyOf(header)));
  return [...usual, ...more].map((header) => lineOf(header, keyOf(header), mapping)).join("");
}

function lineOf(header: Node, name: string, mapping: Mapping): string {
  if (!isEditable(name) || ofCalls.test(name))
    mapping.report(errorAt(header.at("key"), "is no name of a header that calls may have"));
  const value = mapTemplate(header.text("value"), header.at("value"), mapping) ?? [];
  if (value.some((piece) => typeof piece !== "string"))
    mapping.report(errorAt(header.at("value"), "umay takes values without variables here"));
  return `${name}: ${fieldText(bytesOf(value.join("")))}\r\n`;
}
