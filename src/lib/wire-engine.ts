/*
 * The reader and writer of protobuf's wire format, in a file of its own: the build makes one of it, so that only those threads
 * read it that ask servers over gRPC.
 */
export { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
