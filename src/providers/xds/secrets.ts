import type { Node } from "../envoy/node.ts";

/** Fields whose text everybody may read. Keys of `local_jwks` are public but for those that are shared (`oct`, RFC 7518). */
const openly: ReadonlySet<string> = new Set(["certificate_chain", "trusted_ca", "crl", "body"]);
const sharedKey = /"k"\s*:/;

/** The text that a `DataSource` has in itself and that nobody else may read: the field that has it; undefined: none. */
export function secretField(source: Node): "inline_string" | "inline_bytes" | undefined {
  if (source.kind !== "DataSource") return undefined;
  const field = source.which("inline_string", "inline_bytes");
  const owner = source.path.findLast((step) => typeof step === "string")?.replaceAll(/[A-Z]/g, underscored);
  if (field === undefined || openly.has(owner ?? "")) return undefined;
  if (owner !== "local_jwks") return field;
  const text = field === "inline_string" ? source.text(field) : String(source.bytes(field));
  return sharedKey.test(text) ? field : undefined;
}

const underscored = (letter: string): string => `_${letter.toLowerCase()}`;

/** Whether a resource has a secret in itself; one that names a file or a variable has not. */
export function holdsSecret(node: Node | undefined): boolean {
  if (node === undefined) return false;
  for (const each of node.all()) if (secretField(each) !== undefined) return true;
  return false;
}
