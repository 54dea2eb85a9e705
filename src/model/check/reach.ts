import { formatCidr } from "../../lib/cidr.ts";
import { type ChainMatch, isUnconditional, type Rule } from "../chain.ts";
import { type Listener, tlsOf } from "../listener.ts";
import { isCovered } from "./covered.ts";
import type { ModelFinding } from "./finding.ts";

/** Finds rules that nothing reaches because an earlier one takes all of it, and names that no certificate covers. */
export function checkReach(listener: Listener, rules: readonly Rule[]): readonly ModelFinding[] {
  const path = (rule: Rule) => ["listeners", listener.name, "chains", rule.name];
  return rules.slice(0, -1).flatMap((rule, index) => {
    const [chain] = rule.chains;
    const earlier = rules.slice(0, index).find((other) => takesAllOf(other, rule));
    const findings: ModelFinding[] = [];
    // An earlier rule without any condition is reported itself.
    if (earlier !== undefined && !isUnconditional(earlier.chains[0].match)) {
      const same = takesAllOf(rule, earlier);
      findings.push({ kind: same ? "rule_twice" : "rule_hidden", path: path(rule), by: earlier.name });
    }
    const certificates = tlsOf(listener, chain)?.certificates ?? [];
    if (certificates.length === 0) return findings;
    const names = new Set(certificates.flatMap((certificate) => certificate.names));
    for (const name of chain.match.sni)
      if (!isCovered(name, names))
        findings.push({ kind: "name_uncovered", path: [...path(rule), "match", "sni"], name });
    return findings;
  });
}

/** Whether the first rule takes every connection that the second one would take. */
function takesAllOf({ chains: [wide] }: Rule, { chains: [narrow] }: Rule): boolean {
  // A chain that passes TLS through is chosen at the hello, one that terminates it once more behind the handshake.
  if (wide.tls !== narrow.tls || wide.settings !== narrow.settings) return false;
  return (
    takesAllNames(wide.match.sni, narrow.match.sni) &&
    takesAllWords(wide.match.alpn, narrow.match.alpn) &&
    takesAllWords(wide.match.protocol, narrow.match.protocol) &&
    takesAllWords(wide.match.port, narrow.match.port) &&
    takesAllWords(wide.match.fromPort ?? [], narrow.match.fromPort ?? []) &&
    takesAllWords(wide.match.origin ?? [], narrow.match.origin ?? []) &&
    takesAllWords(textsOf(wide.match.to), textsOf(narrow.match.to)) &&
    takesAllWords(textsOf(wide.match.from), textsOf(narrow.match.from))
  );
}

const textsOf = (ranges: ChainMatch["to"] = []): readonly string[] => ranges.map(formatCidr);

/** An empty condition takes everything. Of offered protocols one is enough, so that each must be among the wide ones. */
const takesAllWords = <Word>(wide: readonly Word[], narrow: readonly Word[]): boolean =>
  wide.length === 0 || (narrow.length > 0 && narrow.every((word) => wide.includes(word)));

const takesAllNames = (wide: readonly string[], narrow: readonly string[]): boolean =>
  wide.length === 0 ||
  (narrow.length > 0 && narrow.every((name) => wide.some((other) => includesName(other, name))));

/** `*.example.com` stands for every name below example.com. */
const includesName = (wide: string, narrow: string): boolean =>
  wide === narrow || (wide.startsWith("*.") && narrow.endsWith(wide.slice(1)));
