import type { ApplyFilter } from "./registry.ts";

/** `Buffer`: a limit on bodies. They are not collected, but refused as soon as they are too large. */
export const applyBuffer: ApplyFilter = ({ config, own }, parts) => {
  if (own?.flag("disabled") === true) return;
  parts.maxBody = (own?.node("buffer") ?? config).number("max_request_bytes");
};
