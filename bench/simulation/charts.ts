import { picture, soft, text } from "../svg.ts";

const width = 860;
const heading = 'font-size="17" font-weight="600"';
const colours = [
  "#1f6f8b",
  "#8b8b8b",
  "#d1495b",
  "#2a9d5c",
  "#e09f3e",
  "#6a4c93",
  "#b08ccf",
  "#3f5ea8",
  "#9db4e0",
];

/** The colour of the n-th thing, the same in every picture. */
export const colourOf = (index: number): string => colours[index % colours.length]!;

/** Bars side by side, one panel for each title. */
export interface Panel {
  readonly title: string;
  readonly values: readonly number[];
}

/** Bars that are longer than this many times the shortest are cut off, with their figure beside them. */
const longest = 4;

/**
 * One panel for each of several cases, two in a row; in each, one bar for each name.
 * @param unit is put behind each figure.
 */
export function barPanels(
  title: string,
  note: string,
  names: readonly string[],
  panels: readonly Panel[],
  unit: string,
): string {
  const rowHeight = 16;
  const panelHeight = names.length * rowHeight + 44;
  const panelWidth = width / 2;
  const labels = 172;
  const room = panelWidth - labels - 70;
  const parts = [text(16, 26, title, heading), text(16, 45, note, soft)];
  for (const [index, panel] of panels.entries()) {
    const left = (index % 2) * panelWidth;
    const top = 60 + Math.floor(index / 2) * panelHeight;
    const least = Math.min(...panel.values);
    const scale = room / (Math.min(longest, Math.max(...panel.values) / least) * least);
    parts.push(text(left + 16, top + 14, panel.title, 'font-weight="600"'));
    for (const [row, value] of panel.values.entries()) {
      const y = top + 22 + row * rowHeight;
      const length = Math.min(value * scale, room);
      parts.push(
        text(left + labels - 6, y + 11, names[row]!, 'text-anchor="end" font-size="11"'),
        `<rect x="${left + labels}" y="${y}" width="${length.toFixed(1)}" height="${rowHeight - 3}" fill="${colourOf(row)}"/>`,
        text(left + labels + length + 5, y + 11, `${figure(value)}${unit}`, `font-size="11" ${soft}`),
      );
    }
  }
  return picture(title, width, 60 + Math.ceil(panels.length / 2) * panelHeight, parts);
}

export interface Line {
  readonly name: string;
  readonly colour: string;
  readonly dashed?: boolean;
  readonly points: readonly (readonly [x: number, y: number])[];
}

export interface Axis {
  readonly title: string;
  readonly ticks: readonly number[];
  readonly logarithmic?: boolean;
}

const frame = { left: 56, top: 78, width: 580, height: 300 };

/** Lines with their names at the right, in the order in which they end. */
export function lineChart(
  title: string,
  note: string,
  axes: { x: Axis; y: Axis },
  lines: readonly Line[],
): string {
  const { left, top, width: across, height: down } = frame;
  const x = (value: number): number => left + across * place(axes.x, value);
  const y = (value: number): number => top + down * (1 - place(axes.y, value));
  const grid = 'stroke="#dddddd"';
  const parts = [
    text(16, 26, title, heading),
    text(16, 45, note, soft),
    text(16, top - 10, axes.y.title, soft),
    text(left + across, top + down + 34, axes.x.title, `text-anchor="end" ${soft}`),
    ...axes.y.ticks.flatMap((tick) => [
      `<line x1="${left}" x2="${left + across}" y1="${y(tick).toFixed(1)}" y2="${y(tick).toFixed(1)}" ${grid}/>`,
      text(left - 6, y(tick) + 4, String(tick), `text-anchor="end" ${soft}`),
    ]),
    ...axes.x.ticks.map((tick) =>
      text(x(tick), top + down + 16, tick.toLocaleString("en"), `text-anchor="middle" ${soft}`),
    ),
  ];
  const highest = axes.y.ticks.at(-1)!;
  for (const line of lines) {
    const points = line.points.map(
      ([px, py]) => `${x(px).toFixed(1)},${y(Math.min(py, highest)).toFixed(1)}`,
    );
    const dashes = line.dashed ? ' stroke-dasharray="5 4"' : "";
    parts.push(
      `<polyline points="${points.join(" ")}" fill="none" stroke="${line.colour}" stroke-width="2"${dashes}/>`,
    );
  }
  const ends = lines
    .map((line) => ({ ...line, end: y(Math.min(line.points.at(-1)![1], highest)) }))
    .sort((a, b) => a.end - b.end);
  let last = top - 20;
  for (const { name, colour, end } of ends) {
    last = Math.max(end + 4, last + 15);
    parts.push(text(left + across + 8, last, name, `fill="${colour}" font-size="11"`));
  }
  return picture(title, width, Math.max(top + down + 48, last + 16), parts);
}

/** From 0 at the first tick to 1 at the last. */
function place({ ticks, logarithmic }: Axis, value: number): number {
  const scale = (number: number): number => (logarithmic ? Math.log(number) : number);
  const first = scale(ticks[0]!);
  return (scale(value) - first) / (scale(ticks.at(-1)!) - first);
}

/** Three significant digits. */
export function figure(value: number): string {
  return value >= 100 ? String(Math.round(value)) : value.toFixed(value >= 10 ? 1 : 2);
}
