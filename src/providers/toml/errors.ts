/** One thing that is wrong with a configuration. */
export interface ConfigProblem {
  readonly severity: "error" | "warning";
  /** Where it is: `umay.toml:12:3`, or the environment variable's name. */
  readonly where: string;
  /** Dotted path of the key, as TOML writes it; empty for the file as a whole. */
  readonly path: string;
  /** What is wrong, what was expected, and what to do. */
  readonly message: string;
  /** A guess at what was meant, as a sentence: `did you mean "round-robin"?` */
  readonly hint: string | undefined;
  /** The lines around it with a marker, when a file has them. */
  readonly frame: string | undefined;
}

/** A configuration that umay can't run with. Warnings come along, so that all is said in one pass. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  /** At least one error; sorted by position. */
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    super(
      problems
        .map(({ where, path, message }) => [where, path, message].filter(Boolean).join(": "))
        .join("\n"),
    );
    this.problems = problems;
  }
}

/** The error for a configuration that can't be read at all. */
export function unreadable(where: string, message: string): ConfigError {
  return new ConfigError([
    { severity: "error", where, path: "", message, hint: undefined, frame: undefined },
  ]);
}
