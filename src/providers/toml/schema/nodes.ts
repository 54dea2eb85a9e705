/** The parts of JSON Schema (draft 7) that the configuration's schema uses. */
export interface SchemaNode {
  readonly type?: string;
  readonly title?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | SchemaNode;
  readonly items?: SchemaNode;
  readonly anyOf?: readonly SchemaNode[];
  readonly oneOf?: readonly SchemaNode[];
  /** The name of the kind of value in the documentation. */
  readonly "x-type"?: string;
  /** The default in words, where it depends on the machine. */
  readonly "x-default"?: string;
}

/** The alternatives of a node, or the node itself. */
export function alternatives(node: SchemaNode): readonly SchemaNode[] {
  const choices = node.anyOf ?? node.oneOf;
  return choices === undefined ? [node] : choices.flatMap(alternatives);
}

/** The schemas of a value one step below any of these nodes. */
export function below(nodes: readonly SchemaNode[], step: string | number): readonly SchemaNode[] {
  return nodes.flatMap((node) => {
    const child =
      typeof step === "number" ? node.items : (ownProperty(node, step) ?? node.additionalProperties);
    return typeof child === "object" ? alternatives(child) : [];
  });
}

function ownProperty(node: SchemaNode, key: string): SchemaNode | undefined {
  return Object.hasOwn(node.properties ?? {}, key) ? node.properties![key] : undefined;
}

/** The schemas of a value at a path below the root of a schema. */
export function nodesAt(root: SchemaNode, path: readonly (string | number)[]): readonly SchemaNode[] {
  return path.reduce(below, alternatives(root));
}

/** The keys of tables of these kinds, without names that users choose. */
export function keysOf(nodes: readonly SchemaNode[]): string[] {
  return [...new Set(nodes.flatMap((node) => Object.keys(node.properties ?? {})))];
}
