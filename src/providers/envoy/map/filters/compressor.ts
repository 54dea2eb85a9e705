import { errorAt } from "../../../../lib/findings.ts";
import { type Coding, codings } from "../../../../model/http/compression.ts";
import type { Node } from "../../node.ts";
import type { ApplyFilter } from "./registry.ts";

const libraries: Readonly<Record<string, Coding>> = {
  "envoy.extensions.compression.gzip.compressor.v3.Gzip": "gzip",
  "envoy.extensions.compression.brotli.compressor.v3.Brotli": "br",
  "envoy.extensions.compression.zstd.compressor.v3.Zstd": "zstd",
};

/** Envoy's, in its order. */
const usualTypes: readonly string[] = [
  "application/javascript",
  "application/json",
  "application/xhtml+xml",
  "image/svg+xml",
  "text/css",
  "text/html",
  "text/plain",
  "text/xml",
];
/** In bytes. */
const usualSize = 30;

/** `Compressor`: each adds a coding. The settings of the first count for all. */
export const applyCompressor: ApplyFilter = ({ config, own }, parts, _guards, { report }) => {
  if (own?.flag("disabled") === true) return;
  const library = config.node("compressor_library")?.extension("typed_config");
  const name = library === undefined ? "" : "type" in library ? library.type.name : library.url;
  const coding = libraries[name.slice(name.lastIndexOf("/") + 1)];
  if (coding === undefined) {
    report(errorAt(config.at("compressor_library"), "expected the compressor of gzip, brotli or zstd"));
    return;
  }
  const common = config.node("response_direction_config")?.node("common_config");
  if (isOff(common)) return;
  const types = common?.texts("content_type") ?? [];
  const { compress } = parts;
  parts.compress = {
    codings: codings.filter((each) => each === coding || compress?.codings.includes(each)),
    types: compress?.types ?? (types.length === 0 ? usualTypes : types.map((type) => type.toLowerCase())),
    minSize: compress?.minSize ?? common?.number("min_content_length") ?? usualSize,
  };
};

const isOff = (common: Node | undefined): boolean => common?.node("enabled")?.flag("default_value") === false;
