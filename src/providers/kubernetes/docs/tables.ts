import { markdownTable } from "../../toml/docs/tables.ts";
import { featuresOf } from "../translate/features.ts";
import { nginxAnnotations } from "../translate/ingress/table.ts";

/** Every annotation of ingress-nginx that umay takes. */
export const annotationTable = (): string =>
  markdownTable(
    ["annotation", "key in TOML that does the same", "what differs"],
    [...nginxAnnotations].map(([name, { key, note = "" }]) => [
      `\`${name}\``,
      key === "–" ? key : `\`${key}\``,
      note,
    ]),
  );

/** Every feature of Gateway API that umay says it serves. */
export const featureList = (): string =>
  featuresOf({ addressPool: ["any"] })
    .map((name) => `\`${name}\``)
    .join(", ");
