const plugins = { timeseries: "TimeSeries", stat: "Stat", gauge: "Gauge" } as const;

const configuration = (kind: keyof typeof plugins): string =>
  `@grafana/schema/dist/esm/raw/composable/${kind}/panelcfg/x/${plugins[kind]}PanelCfg_types.gen`;

/*
 * Grafana's schema is there as TypeScript's types, with enums where JSON has texts, and with every option of a plugin,
 * where JSON leaves out those that are as usual. Data that a data source's plugin keeps in an annotation is its own.
 */
const types = `
import type { AnnotationQuery, Dashboard, DataQuery, FieldConfigSource, Panel, RowPanel } from "@grafana/schema";
import type { Options as TimeSeries, FieldConfig as TimeSeriesField } from "${configuration("timeseries")}";
import type { Options as Stat } from "${configuration("stat")}";
import type { Options as Gauge } from "${configuration("gauge")}";

type Json<T> = T extends string ? \`\${T}\`
  : T extends readonly (infer Item)[] ? Json<Item>[]
  : T extends object ? { [Key in keyof T]: Json<T[Key]> }
  : T;
type Part<T> = T extends readonly (infer Item)[] ? Part<Item>[] : T extends object ? { [Key in keyof T]?: Part<T[Key]> } : T;
type Fields<Custom> = {
  defaults: Omit<Json<FieldConfigSource["defaults"]>, "custom"> & { custom?: Json<Part<Custom>> };
  overrides: Json<FieldConfigSource["overrides"]>;
};
type Drawn<Type, Options, Custom = {}> = Omit<Json<Panel>, "type" | "options" | "fieldConfig"> & {
  type: Type;
  options?: Json<Part<Options>>;
  fieldConfig?: Fields<Custom>;
};
type AnyPanel =
  | Json<RowPanel>
  | Drawn<"timeseries", TimeSeries, TimeSeriesField>
  | Drawn<"stat", Stat>
  | Drawn<"gauge", Gauge>;
type Annotation = Omit<Json<AnnotationQuery>, "target"> & {
  target: DataQuery & { expr: string; legendFormat: string };
  titleFormat: string;
};
type Board = Omit<Json<Dashboard>, "panels" | "annotations"> & {
  panels: AnyPanel[];
  annotations: { list: Annotation[] };
};
`;

/** A module that compiles where a dashboard, as JSON, is one by Grafana's schema. */
export const checkedDashboard = (json: string): string => `${types}export const board: Board = ${json};\n`;
