import { type ExperimentResult, ofMode, type Results, ratioOf, type Spread, spreadOf } from "./results.ts";

/** The whole report as Markdown that also reads well in a terminal. Every table names the processor: figures differ by it. */
export function report(results: Results): string {
  const sections = [
    heading(results),
    ratios(ofMode(results, "tcp"), "umay divided by each peer"),
    ratios(ofMode(results, "http"), "HTTP: umay divided by each peer"),
    ratios(ofMode(results, "http2"), "HTTP/2 to backends of HTTP/2: umay divided by each peer"),
    ...results.experiments.map((experiment) => section(experiment, results)),
    pickerTimes(results),
    versions(results),
    remarks(results),
  ];
  return `${sections.filter((text) => text !== "").join("\n\n")}\n`;
}

function heading({ date, command, machine, rounds }: Results): string {
  const { cpu, proxyCpus, loadCpus, kernel, memoryMiB, fileLimit } = machine;
  const cores = new Set([...proxyCpus, ...loadCpus]).size;
  return [
    `Measured ${date.slice(0, 10)} with \`${command}\` (rounds: ${rounds}).`,
    `Machine: ${cpu}, ${cores} ${cores === 1 ? "core" : "cores"}, ${memoryMiB} MiB, ${kernel}, ${fileLimit} open files per process.`,
    "Every cell is the median, with minimum and maximum behind it where there were several rounds.",
  ].join("\n");
}

/** umay's headline figures divided by every peer's: the summary. */
function ratios({ peers, experiments, machine }: Results, called: string): string {
  const [subject, ...others] = peers;
  const compared = experiments.filter((result) => result.compared);
  if (subject?.name !== "umay" || others.length === 0 || compared.length === 0) return "";
  const rows = compared.map((result) => {
    const cells = others.map(({ name }) => cell(ratioOf(result, subject.name, name), 2));
    return [`${result.title}: ${result.metrics[0]!.title}`, ...cells];
  });
  const title = `### ${called}\n\nBelow 1, umay needs less than the peer.`;
  return `${title}\n\n${table([machine.cpu, ...others.map((peer) => peer.title)], rows)}`;
}

function section(result: ExperimentResult, { peers, machine }: Results): string {
  const measured = peers.filter(
    ({ name, mode }) => mode === result.mode && result.samples[name] !== undefined,
  );
  const rows = measured.map(({ name, title }) => [
    title,
    ...result.metrics.map(({ key, digits }) => cell(spreadOf(result, name, key), digits)),
  ]);
  const { metrics } = result;
  if (metrics.some(({ target }) => target !== undefined)) {
    rows.push(["target", ...metrics.map(({ target = "" }) => target)]);
  }
  return `### ${capital(result.title)}\n\n${table([machine.cpu, ...metrics.map(({ title }) => title)], rows)}`;
}

function pickerTimes({ pickers }: Results): string {
  return pickers === undefined ? "" : `### Pickers\n\n\`\`\`text\n${pickers.trim()}\n\`\`\``;
}

function versions({ peers, tools, machine }: Results): string {
  if (peers.length === 0) return "";
  const rows = peers.map(({ title, version, tls }) => [title, version, tls]);
  const own = { Node: machine.node, OpenSSL: machine.openssl, ...tools };
  const used = Object.entries(own).map(([name, version]) => `${name} ${version ?? "not installed"}`);
  return `### Versions\n\n${table([machine.cpu, "version", "negotiated"], rows)}\n\nLoad and backend: ${used.join(", ")}.`;
}

function remarks({ notes, skipped, experiments, peers }: Results): string {
  const missing = skipped.map(({ name, reason }) => `${name} was skipped: ${reason}.`);
  const lines = [
    ...notes,
    ...missing,
    ...experiments.flatMap(invalidRuns),
    ...disturbances(experiments, peers),
  ];
  return lines.length === 0 ? "" : `### Remarks\n\n${lines.map((line) => `- ${line}`).join("\n")}`;
}

/** A sentence for every measurement that does not count. */
export function invalidRuns({ name, samples }: ExperimentResult): string[] {
  return Object.entries(samples).flatMap(([peer, rounds]) =>
    rounds.flatMap(({ errors }, round) =>
      errors.length === 0 ? [] : [`INVALID: ${name}, ${peer}, round ${round + 1}: ${errors.join("; ")}.`],
    ),
  );
}

/** Other processes on the proxy's core spoil its caches, and a core that others fill slows it down. */
function disturbances(experiments: readonly ExperimentResult[], peers: Results["peers"]): string[] {
  return experiments.flatMap((result) => {
    const worst = Math.max(...peers.map(({ name }) => spreadOf(result, name, "others")?.median ?? 0));
    return worst < 10 ? [] : [`${result.name}: others took up to ${worst.toFixed(0)} % of the proxy's core.`];
  });
}

function cell(value: Spread | undefined, digits: number): string {
  if (value === undefined) return "—";
  const [min, median, max] = [value.min, value.median, value.max].map((number) => number.toFixed(digits));
  return min === max ? median! : `${median} (${min}–${max})`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head, ...rows];
  const widths = head.map((_, column) => Math.max(3, ...lines.map((cells) => cells[column]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((text, column) => (column === 0 ? text.padEnd(widths[0]!) : text.padStart(widths[column]!))).join(" | ")} |`;
  const rule = widths.map((width, column) =>
    column === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`,
  );
  return [line(head), line(rule), ...rows.map(line)].join("\n");
}

function capital(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}
