import { backendFlag } from "../../channel/memory.ts";
import type { PlacedBackend } from "../../model/backend.ts";
import type { ZoneRule } from "../../model/pool.ts";
import type { Group, SetShares } from "./spread.ts";

/** Those that may be picked because they are well, not because too few others are. */
function countWell({ backends }: Group, flags: Int32Array): number {
  let well = 0;
  for (const { slot } of backends) if ((flags[slot]! & ~backendFlag.trusted) === 0) well++;
  return well;
}

/** Whether the health of its backends is ignored, because too few are well. */
function isInPanic({ backends }: Group, flags: Int32Array): boolean {
  for (const { slot } of backends) if (flags[slot]! & backendFlag.trusted) return true;
  return false;
}

/** Makes the shares add up to 1, unless all of them are 0. */
function normalize(groups: readonly Group[]): void {
  let total = 0;
  for (const { share } of groups) total += share;
  if (total > 0) for (const group of groups) group.share /= total;
}

function shareByCount(groups: readonly Group[]): void {
  for (const group of groups) group.share = group.backends.length;
  normalize(groups);
}

/** How much of its load a group can bear: the share of its backends that are well times a factor, at most 1. */
const capacityOf = (group: Group, flags: Int32Array, percent: number): number =>
  Math.min(1, (countWell(group, flags) * percent) / 100 / group.backends.length);

/**
 * Tiers as Envoy's priorities: each takes what it can bear, at most all that is left. Load that none of them can bear is shared
 * in the same proportion; where too few backends of every tier are well, by their numbers.
 * @param percent the factor; 140: a tier takes everything while 5 of 7 are well.
 */
export const tierShares =
  (percent: number): SetShares =>
  (groups, flags) => {
    if (groups.every((group) => isInPanic(group, flags))) return shareByCount(groups);
    let left = 1;
    for (const group of groups) {
      group.share = Math.min(left, capacityOf(group, flags, percent));
      left -= group.share;
    }
    normalize(groups);
  };

/**
 * Localities by their weights, as Envoy does: a weight counts in full as long as the locality can bear its load. Where the health
 * of backends is ignored, and where no locality with a weight can bear anything, weights do not matter.
 */
export const weightShares =
  (percent: number): SetShares =>
  (groups, flags) => {
    if (groups.some((group) => isInPanic(group, flags))) return shareByCount(groups);
    let total = 0;
    for (const group of groups) {
      group.share = (group.backends[0]!.locality?.weight ?? 0) * capacityOf(group, flags, percent);
      total += group.share;
    }
    if (total > 0) normalize(groups);
    else shareByWeight(groups, flags);
  };

/** Every backend that is well counts the same wherever it is. */
function shareByWeight(groups: readonly Group[], flags: Int32Array): void {
  for (const group of groups) {
    group.share = 0;
    for (const { slot, weight } of group.backends)
      if ((flags[slot]! & ~backendFlag.trusted) === 0) group.share += weight;
  }
  normalize(groups);
}

const localityOf = ({ locality }: PlacedBackend): string => locality?.name ?? "";

/**
 * Zones as Envoy routes by them: sessions stay in this umay's own zone, as far as that has its part of the backends. The part that
 * it does not have goes to zones that have more backends than umays.
 * @param peers gives all umays, by which it is known how much comes from each zone.
 */
export const zoneShares =
  ({ own, minBackends, percent, direct }: ZoneRule, peers: () => readonly PlacedBackend[]): SetShares =>
  (groups, flags) => {
    const well = groups.map((group) => countWell(group, flags));
    const total = well.reduce((sum, count) => sum + count, 0);
    const umays = peers();
    const zones = new Set(umays.map(localityOf));
    const isUsable =
      zones.has(own) &&
      (direct || zones.size >= 2) &&
      total >= minBackends &&
      well.filter((count) => count > 0).length >= 2 &&
      !groups.some((group) => isInPanic(group, flags));
    shareByWeight(groups, flags);
    if (!isUsable || percent === 0) return;
    const everywhere = groups.map(({ share }) => share);
    shareByZone(groups, well, own, umays, direct);
    // The rest of the picks does not look at zones.
    for (const [index, group] of groups.entries())
      group.share = (group.share * percent + everywhere[index]! * (100 - percent)) / 100;
  };

function shareByZone(
  groups: readonly Group[],
  well: readonly number[],
  own: string,
  umays: readonly PlacedBackend[],
  direct: boolean,
): void {
  const total = well.reduce((sum, count) => sum + count, 0);
  const parts = groups.map((group, index) => {
    const name = localityOf(group.backends[0]!);
    const coming = umays.filter((umay) => localityOf(umay) === name).length / umays.length;
    return { isOwn: name === own, coming, has: well[index]! / total };
  });
  const home = parts.find(({ isOwn }) => isOwn);
  const stays = home === undefined || home.has === 0 ? 0 : direct ? 1 : Math.min(1, home.has / home.coming);
  const room = parts.map(({ isOwn, coming, has }) => (isOwn ? 0 : Math.max(0, has - coming)));
  const all = room.reduce((sum, each) => sum + each, 0);
  for (const [index, group] of groups.entries())
    group.share = parts[index]!.isOwn
      ? stays
      : all === 0
        ? (1 - stays) / Math.max(1, groups.length - (home === undefined ? 0 : 1))
        : ((1 - stays) * room[index]!) / all;
}
