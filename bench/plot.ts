import { type ExperimentResult, type Results, ratioOf } from "./results.ts";
import { halo, picture, soft, text } from "./svg.ts";

const width = 860;
const labelWidth = 150;
const barHeight = 16;
const groupGap = 34;
const top = 64;
/** Longer bars are cut off there, with their figure beside them. */
const longest = 3;
const unit = (width - labelWidth - 70) / longest;

/** Bars for every experiment that several peers took part in: cost against that of the reference, less is better. */
export function plot(results: Results): string | undefined {
  const names = results.peers.map(({ name }) => name);
  const reference = results.peers.find(({ name }) => name === "haproxy") ?? results.peers[1];
  const groups = results.experiments.filter(
    ({ compared, samples }) => compared && names.every((name) => samples[name] !== undefined),
  );
  if (reference === undefined || groups.length === 0) return undefined;
  const groupHeight = names.length * barHeight + groupGap;
  const height = top + groups.length * groupHeight;
  const line = labelWidth + unit;
  const title = `Cost against ${reference.title} (= 1), less is better`;
  const parts = [
    text(16, 26, title, 'font-size="17" font-weight="600"'),
    text(
      16,
      45,
      `${results.date.slice(0, 10)}, ${results.machine.cpu}, ${results.machine.kernel}, medians`,
      soft,
    ),
    `<line x1="${line}" x2="${line}" y1="${top}" y2="${height - 8}" stroke="#555555" stroke-dasharray="4 3"/>`,
    ...groups.flatMap((group, index) => bars(group, results, reference.name, top + index * groupHeight)),
  ];
  return picture(title, width, height, parts);
}

function bars(group: ExperimentResult, results: Results, reference: string, y: number): string[] {
  const parts = [text(16, y + 16, `${group.title}: ${group.metrics[0]!.title}`, `font-weight="600" ${halo}`)];
  results.peers.forEach((peer, index) => {
    const ratio = ratioOf(group, peer.name, reference)?.median;
    const length = Math.min(ratio ?? 0, longest) * unit;
    const barY = y + 24 + index * barHeight;
    const colour = peer.name === "umay" ? "#d1495b" : "#7f9bb3";
    parts.push(
      text(labelWidth - 8, barY + 11, peer.title, 'text-anchor="end"'),
      `<rect x="${labelWidth}" y="${barY}" width="${length.toFixed(1)}" height="${barHeight - 3}" fill="${colour}"/>`,
      text(labelWidth + length + 6, barY + 11, ratio === undefined ? "no valid run" : ratio.toFixed(2), soft),
    );
  });
  return parts;
}
