import { type Chain, type ChainMatch, isUnconditional, type Rule, rulesOf, seesNames } from "../chain.ts";
import { type Listener, tlsOf } from "../listener.ts";
import type { ModelFinding } from "./finding.ts";
import { checkReach } from "./reach.ts";

/** Rules that can never match or leave nothing to later ones, and settings that contradict each other. */
export function checkChains(listener: Listener): readonly ModelFinding[] {
  const { name, tls, detect, chains } = listener;
  const path = ["listeners", name];
  const findings: ModelFinding[] = [];
  const requires = tls.filter(({ clientAuth }) => clientAuth?.mode === "require");
  if (detect && requires.length > 0) findings.push({ kind: "lets_plain_in", path: [...path, "detect"] });
  if (requires.some(({ passesPlain }) => passesPlain))
    findings.push({ kind: "lets_plain_in", path: [...path, "tls", "starttls_plain"] });
  for (const { name: chain, tls: kind, settings } of chains)
    if (kind === "terminate" && !tls.some((one) => one.name === settings))
      findings.push({ kind: "unknown_tls", path: [...path, "chains", chain, "settings"] });
  if (leavesSome(chains)) findings.push({ kind: "leaves_some", path: [...path, "chains"] });
  const names = seesNames(chains);
  const rules = rulesOf(chains);
  rules.forEach((rule, index) => {
    if (index < rules.length - 1 && takesAll(rule.chains[0]))
      findings.push({ kind: "takes_all", path: [...path, "chains", rule.name] });
    findings.push(...checkRule(rule, listener, names));
  });
  return [...findings, ...checkReach(listener, rules)];
}

function checkRule({ name, chains: [chain] }: Rule, listener: Listener, names: boolean): ModelFinding[] {
  const { match } = chain;
  const at = (key: keyof ChainMatch) => ["listeners", listener.name, "chains", name, "match", key];
  const findings: ModelFinding[] = [];
  if (match.protocol.length > 0 && !listener.detect)
    findings.push({ kind: "protocol_not_detected", path: at("protocol") });
  for (const key of ["sni", "alpn"] as const)
    if (match[key].length > 0 && !names) findings.push({ kind: "needs_tls", path: at(key) });
  const known = tlsOf(listener, chain)?.alpn;
  const strangers = known === undefined ? [] : match.alpn.filter((protocol) => !known.includes(protocol));
  if (strangers.length > 0)
    findings.push({ kind: "never_negotiated", path: at("alpn"), protocols: strangers });
  return findings;
}

/** Whether a connection may find no chain: at the first bytes, or after a handshake. */
function leavesSome(chains: readonly Chain[]): boolean {
  const kinds: readonly Chain["tls"][] = ["terminate", undefined];
  return (
    !chains.some(takesAll) ||
    kinds.some((kind) => {
      const ofKind = chains.filter(({ tls }) => tls === kind);
      return ofKind.length > 0 && !ofKind.some(takesAll);
    })
  );
}

const takesAll = ({ match }: Chain): boolean => isUnconditional(match);
