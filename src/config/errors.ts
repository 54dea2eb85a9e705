/** One thing that is wrong with a configuration. */
export interface ConfigProblem {
  readonly severity: "error" | "warning";
  /** Where it is: `umay.toml:12:3`, or the environment variable's name. */
  readonly where: string;
  /** Dotted path of the key, as TOML writes it; empty for the file as a whole. */
  readonly path: string;
  /** What is wrong, what was expected, and what to do. */
  readonly message: string;
  /** The lines around it with a marker, when a file has them. */
  readonly frame: string | undefined;
}
