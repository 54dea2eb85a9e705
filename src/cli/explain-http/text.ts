import type { HttpExplanation, RuleTrial } from "../../model/http/explanation.ts";
import type { Section, Style } from "../explain-text.ts";

/** The lines about a request, in the order in which it is decided on. */
export function httpSections(http: HttpExplanation, style: Style): Section[] {
  const { request, hosts, readings, access, guards, changes, limits, call, hashed } = http;
  const sections: Section[] = [
    ["request", [`${request.method} ${request.url}`, `client ${request.client}: ${request.client_by}`]],
    ["host", [hosts.length === 0 ? "no route has it" : hosts.map(hostText).join(", then ")]],
    ["route", [...ruleLines(http, style), readingText(readings)]],
  ];
  if (access !== null) sections.push(["access", [access, ...guards]]);
  if (changes.length > 0) sections.push(["changes", changes]);
  if (limits.length > 0) sections.push(["limits", [limits.join(", ")]]);
  if (call !== null) sections.push(["call", [callText(call)]]);
  if (hashed !== null) sections.push(["hashed", [`${hashed.key} (${hashed.by})`]]);
  return sections;
}

function callText({ method, deadline, status }: NonNullable<HttpExplanation["call"]>): string {
  const end = deadline === null ? "without a deadline" : `over after ${deadline}`;
  return `${method} of gRPC, ${end}${status === null ? "" : `; answered with grpc-status ${status}`}`;
}

const hostText = (name: string): string => (name === "*" ? "any" : name);

function ruleLines({ rules, more }: HttpExplanation, style: Style): string[] {
  if (rules.length === 0) return ["there is none"];
  const rows = rules.map((rule) => [rule.route, hostText(rule.host), rule.match]);
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => row[column]!.length)));
  const lines = rules.map((rule, index) => {
    const text = rows[index]!.map((cell, column) => cell.padEnd(widths[column]!)).join("  ");
    return style(rule.verdict === "taken" ? "green" : "dim", `${text}  ${verdictText(rule)}`);
  });
  return more > 0 ? [...lines, style("dim", `and ${more} more that do not matter`)] : lines;
}

function verdictText({ verdict }: RuleTrial): string {
  if (verdict === "taken") return "yes";
  return verdict === "later" ? "comes later" : `no: ${verdict}`;
}

function readingText({ path, second, routes }: HttpExplanation["readings"]): string {
  if (second === null) return `path as matched and sent ${path}; no second reading`;
  const what = `path ${path}, which a lax backend may read as ${second}`;
  return routes === null ? `${what}: the same route` : `${what}: routes ${routes[0]} and ${routes[1]}`;
}
