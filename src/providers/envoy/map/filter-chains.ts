import { formatCidr } from "../../../lib/cidr.ts";
import { anyConnection, type ChainMatch } from "../../../model/chain.ts";

/** A filter chain, by what it asks of a connection. */
export interface Asking<Chain> {
  readonly match: ChainMatch;
  readonly chain: Chain;
}

/** A condition of one level with one value. */
interface Level {
  readonly key: keyof ChainMatch;
  /** Puts values in the order in which they are tried. */
  readonly compare: (left: Value, right: Value) => number;
}

type Value = NonNullable<ChainMatch[keyof ChainMatch]>[number];

const valuesOf = (match: ChainMatch, key: keyof ChainMatch): readonly Value[] => match[key] ?? [];

const byText = (left: Value, right: Value): number => (String(left) < String(right) ? -1 : 1);

/** An exact name, then the longest wildcard. */
function byName(left: Value, right: Value): number {
  const [a, b] = [String(left), String(right)];
  return Number(a.startsWith("*")) - Number(b.startsWith("*")) || b.length - a.length || byText(a, b);
}

/** The longest prefix first. */
function byRange(left: Value, right: Value): number {
  const [a, b] = [left, right] as ChainMatch["from"];
  return b!.prefix - a!.prefix || byText(formatCidr(a!), formatCidr(b!));
}

/** In Envoy's order: the first that a chain asks for decides. */
const levels: readonly Level[] = [
  { key: "port", compare: byText },
  { key: "to", compare: byRange },
  { key: "sni", compare: byName },
  { key: "protocol", compare: byText },
  { key: "alpn", compare: byText },
  { key: "origin", compare: byText },
  { key: "from", compare: byRange },
  { key: "fromPort", compare: byText },
];

/**
 * Puts filter chains into an order in which the first that matches is the one that Envoy would find. Envoy goes through the
 * conditions one after the other and follows the most specific value that fits, without a way back: whom none of its chains
 * takes then gets the default. So behind the chains of each value comes the default again, for what they leave.
 * @returns for each condition the chain that takes it; undefined: the default. The last one has no condition.
 */
export function orderFilterChains<Chain>(
  chains: readonly Asking<Chain>[],
): readonly { readonly match: ChainMatch; readonly chain: Chain | undefined }[] {
  return ordered(chains, 0, anyConnection);
}

function ordered<Chain>(
  chains: readonly Asking<Chain>[],
  depth: number,
  match: ChainMatch,
): { match: ChainMatch; chain: Chain | undefined }[] {
  const level = levels[depth];
  if (level === undefined) return [{ match, chain: chains[0]?.chain }];
  const { key, compare } = level;
  const open = chains.filter((each) => valuesOf(each.match, key).length === 0);
  const values = new Map<string, Value>();
  for (const each of chains)
    for (const value of valuesOf(each.match, key)) values.set(JSON.stringify(value), value);
  const groups = [...values].sort(([, left], [, right]) => compare(left, right));
  return [
    ...groups.flatMap(([text, value]) => {
      const asking = chains.filter((each) =>
        valuesOf(each.match, key).some((one) => JSON.stringify(one) === text),
      );
      return ordered(asking, depth + 1, { ...match, [key]: [value] });
    }),
    ...(open.length > 0 ? ordered(open, depth + 1, match) : [{ match, chain: undefined }]),
  ];
}
