import { ConfigError } from "../providers/provider.ts";
import { exitCode } from "./exit.ts";
import { printProblems } from "./load.ts";

/**
 * `umay convert`: prints the TOML that means the same as a bootstrap file of Envoy's. Parts that TOML or umay can't say
 * stand there as a comment.
 * @returns 0 where all of it could be said, 1 where something is missing, 78 where the file can't be read.
 */
export async function convert(file: string): Promise<number> {
  const [{ loadEnvoy }, { modelToToml }] = await Promise.all([
    import("../providers/envoy/load.ts"),
    import("../providers/toml/write/write.ts"),
  ]);
  try {
    const { model, warnings } = await loadEnvoy({ file, env: process.env, cwd: process.cwd() }, true);
    const { text, omitted } = modelToToml(model);
    const notes = warnings.map(({ where, path, message, severity }) =>
      comment(
        `${severity === "error" ? "left out" : "note"}: ${where}: ${path === "" ? "" : `${path}: `}${message}`,
      ),
    );
    const head = notes.length === 0 ? "" : `${notes.join("\n")}\n\n`;
    process.stdout.write(`${head}${text}`);
    return omitted > 0 || warnings.some(({ severity }) => severity === "error")
      ? exitCode.failed
      : exitCode.good;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    printProblems(error.problems);
    return exitCode.badConfig;
  }
}

const comment = (text: string): string => `# ${text.replaceAll(/\s+/g, " ")}`;
