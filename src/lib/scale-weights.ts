/** Whole weights from 1 to `most` in the proportion of some shares, which are positive: as they are where they fit. */
export function scaleWeights(shares: readonly number[], most: number): readonly number[] {
  const largest = shares.reduce((max, share) => Math.max(max, share), 0);
  if (shares.every((share) => share === largest)) return shares.map(() => 1);
  const fit = shares.every((share) => Number.isInteger(share) && share >= 1 && share <= most);
  return fit ? shares : shares.map((share) => Math.max(1, Math.round((share * most) / largest)));
}
