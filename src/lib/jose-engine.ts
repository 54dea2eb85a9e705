/*
 * The part of jose that umay uses, in a file of its own: the build makes one of it, so that only those threads read it that have
 * tokens to judge.
 */
export { createLocalJWKSet, errors, jwtVerify } from "jose";
