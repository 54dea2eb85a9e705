/** Keys of tables and indexes of arrays, from the root down. */
export type Path = readonly (string | number)[];

/** A problem as a stage finds it. Its place in the configuration is known, its place in the file is not yet. */
export interface Finding {
  readonly severity: "error" | "warning";
  readonly path: Path;
  /** Whether the key itself is wrong, or its value. */
  readonly at: "key" | "value";
  readonly message: string;
  readonly hint?: string | undefined;
}

export function errorAt(path: Path, message: string, hint?: string): Finding {
  return { severity: "error", path, at: "value", message, hint };
}

export function warningAt(path: Path, message: string, hint?: string): Finding {
  return { severity: "warning", path, at: "value", message, hint };
}
