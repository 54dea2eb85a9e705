import type * as Engine from "./jose-engine.ts";
import { importModule } from "./own-modules.ts";

/** jose, as far as umay uses it. */
export type Jose = typeof Engine;

let loaded: Promise<Jose> | undefined;

/** Loads it, once: a configuration without tokens has no use for it. */
export function loadJose(): Promise<Jose> {
  loaded ??= importModule<Jose>("lib/jose-engine");
  return loaded;
}
