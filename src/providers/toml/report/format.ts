import { styleText } from "node:util";
import type { ConfigProblem } from "../../provider.ts";

/** Problems for a person at a terminal: place, fault, the lines around it, and a guess at the intended value. */
export function formatProblems(
  problems: readonly ConfigProblem[],
  options: { readonly color: boolean },
): string {
  return problems.map((problem) => formatProblem(problem, options.color)).join("\n");
}

function formatProblem(
  { severity, where, path, message, hint, frame }: ConfigProblem,
  color: boolean,
): string {
  const style = (format: Parameters<typeof styleText>[0], text: string): string =>
    color ? styleText(format, text, { validateStream: false }) : text;
  const label = style(["bold", severity === "error" ? "red" : "yellow"], `${severity}:`);
  const head = [style("bold", `${where}:`), label, path && style("cyan", `${path}:`), message].filter(
    Boolean,
  );
  const lines = [head.join(" ")];
  if (frame !== undefined) lines.push(frame.replace(/^/gm, "  "));
  if (hint !== undefined) lines.push(`  ${style("green", hint)}`);
  return `${lines.join("\n")}\n`;
}
