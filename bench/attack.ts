/**
 * npm run attack -- [--seconds N] [--only NAME]: attacks umay, and HAProxy where it is installed, and prints what came of
 * it. Everything stays on this machine's loopback, and ends within some minutes.
 */
import { type AddressInfo, createServer } from "node:net";
import { parseArgs } from "node:util";
import { earlyAnswers } from "./attacks/early-answers.ts";
import { health } from "./attacks/health.ts";
import { keyUpdates } from "./attacks/key-updates.ts";
import { resets } from "./attacks/resets.ts";
import { silence } from "./attacks/silence.ts";
import { haproxy, type Scene, type Target, umay } from "./attacks/targets.ts";
import { makeCertificate } from "./certificate.ts";
import { describeMachine, pinSelf } from "./machine.ts";
import { installCleanup, makeFolder } from "./process.ts";

const { values } = parseArgs({
  options: { seconds: { type: "string", default: "8" }, only: { type: "string", default: "" } },
});
const seconds = Number(values.seconds);
installCleanup();
const machine = describeMachine();
const loadCpus = machine.loadCpus.join(",");
pinSelf(machine.loadCpus);
const folder = makeFolder();
const scene: Scene = { folder, certificate: makeCertificate(folder), cpus: machine.proxyCpus.join(",") };
const targets = [umay, haproxy].filter(({ version }) => version !== undefined);

/** Takes what comes and says nothing. */
const sink = createServer((socket) => socket.resume().on("error", () => {})).listen(0, "127.0.0.1");
await new Promise((resolve) => sink.once("listening", resolve));
const backend = (sink.address() as AddressInfo).port;

const figure = (value: number, digits = 1): string =>
  value.toLocaleString("en", { maximumFractionDigits: digits });

/** Each attack, with what a cell of the table says of a target. */
const attacks: Readonly<Record<string, (target: Target) => Promise<Readonly<Record<string, string>>>>> = {
  async resets(target) {
    const { connected, reset, clean, open } = await resets(target, scene);
    return {
      "client resets: backends that see a reset": `${reset} of ${connected}`,
      "… that see a clean end behind bytes": `${clean} of ${connected}`,
      "… sessions left after 2 s": String(open),
    };
  },
  async answers(target) {
    const { plain, tls } = await earlyAnswers(target, scene);
    return { "early answers that arrive: plain": `${plain} of 20`, "… with TLS": `${tls} of 20` };
  },
  async health(target) {
    const { longest } = await health(target, scene, backend);
    return Object.fromEntries(
      Object.entries(longest).map(([what, ms]) => [`longest /livez: ${what}`, `${figure(ms, 0)} ms`]),
    );
  },
  async updates(target) {
    const { ended, cpuSeconds, memoryMiB } = await keyUpdates(target, scene, backend, 2 * seconds);
    return {
      "key updates: session ended after": ended === undefined ? "never" : `${figure(ended)} s`,
      "… CPU time": `${figure(cpuSeconds, 2)} s`,
      "… memory": `${figure(memoryMiB)} MiB`,
    };
  },
  async silence(target) {
    const { micros, calm, attacked } = await silence(target, scene, backend, loadCpus, seconds);
    return {
      "CPU for a silent connect": `${figure(micros, 0)} µs`,
      "p50 of good handshakes, calm": `${figure(calm)} ms`,
      "… beside 800 silent connects a second": `${figure(attacked)} ms`,
    };
  },
};

console.log(`${machine.cpu}, ${machine.kernel}, Node ${machine.node}`);
const rows = new Map<string, string[]>();
for (const [name, attack] of Object.entries(attacks)) {
  if (!name.startsWith(values.only)) continue;
  for (const [column, target] of targets.entries())
    for (const [row, cell] of Object.entries(await attack(target))) {
      const cells = rows.get(row) ?? [];
      cells[column] = cell;
      rows.set(row, cells);
    }
}
const line = (cells: readonly string[]): void => console.log(`| ${cells.join(" | ")} |`);
line(["attack", ...targets.map(({ name, version }) => `${name} (${version})`)]);
line(["---", ...targets.map(() => "---")]);
for (const [row, cells] of rows) line([row, ...cells]);
process.exit(0);
