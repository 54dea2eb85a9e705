/*
 * The engine behind regex.ts, in a file of its own: the build makes one of it, so that only those threads read it that
 * have a use for it.
 */
export { RE2JS } from "re2js";
