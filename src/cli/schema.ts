import { exitCode } from "./exit.ts";

/** `umay schema`: the JSON Schema of the configuration, for editors. */
export async function schema(): Promise<number> {
  const { jsonSchema } = await import("../providers/toml/schema.ts");
  process.stdout.write(`${JSON.stringify(jsonSchema(), null, 2)}\n`);
  return exitCode.good;
}
