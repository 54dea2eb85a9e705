/** The halo keeps lines out of the words. */
export const halo = 'stroke="#ffffff" stroke-width="4" paint-order="stroke"';
export const soft = `fill="#555555" ${halo}`;

/** A picture of these parts, on white. @param title for those who do not see it. */
export function picture(title: string, width: number, height: number, parts: readonly string[]): string {
  const open = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">`;
  const ground = `<rect width="${width}" height="${height}" fill="#ffffff"/>`;
  return `${[open, `<title>${escaped(title)}</title>`, ground, ...parts, "</svg>"].join("\n")}\n`;
}

export function text(x: number, y: number, content: string, attributes = ""): string {
  return `<text x="${x.toFixed(1)}" y="${Number(y.toFixed(1))}" ${attributes}>${escaped(content)}</text>`;
}

const escaped = (content: string): string => content.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
