/** An end of a TCP connection. */
export interface ProxyEndpoint {
  /** An IPv4 or IPv6 address as Node writes it; an IPv4-mapped one is written as IPv4. */
  readonly address: string;
  /** 0 to 65535. */
  readonly port: number;
}

/** The content of a PROXY protocol header, about the connection that it precedes. */
export interface ProxyHeader {
  readonly version: 1 | 2;
  /** `local` is a connection of the sender itself, such as a health check. Version 1 does not have it. */
  readonly command: "proxy" | "local";
  /**
   * The client, and the address that it connected to: both or neither. Without them (`local`, UNKNOWN, AF_UNSPEC,
   * unix sockets) the ends of the connection itself count.
   */
  readonly source?: ProxyEndpoint;
  readonly destination?: ProxyEndpoint;
  /** Empty in version 1. */
  readonly tlvs: ProxyTlvs;
}

/** The TLVs that are understood, named as in section 2.2 of the specification; any others are skipped. */
export interface ProxyTlvs {
  readonly alpn?: string;
  /** The server name that the client asked for. */
  readonly authority?: string;
  /** At most 128 bytes. */
  readonly uniqueId?: Buffer;
  readonly ssl?: ProxySsl;
  /** The network namespace. */
  readonly netns?: string;
}

/** The client's TLS connection, as the sender saw it. */
export interface ProxySsl {
  /** Whether the client connected over TLS at all. */
  readonly client: boolean;
  /** Whether it sent a certificate over this connection. */
  readonly certificateOnConnection: boolean;
  /** Whether it sent a certificate in this TLS session, which may have begun on an earlier connection. */
  readonly certificateInSession: boolean;
  /** Whether there was a certificate and the sender verified it. Without this, `cn` proves nothing. */
  readonly verified: boolean;
  /** For example `TLSv1.3`. */
  readonly version?: string;
  /** The common name of the client certificate's subject. */
  readonly cn?: string;
  readonly cipher?: string;
  /** The signature algorithm of the certificate that the sender presented. */
  readonly signatureAlgorithm?: string;
  /** The kind of key of the certificate that the sender presented. */
  readonly keyAlgorithm?: string;
  /** The group of the key exchange. */
  readonly group?: string;
  /** How the sender signed the handshake. */
  readonly signatureScheme?: string;
}

/** A header with its length in bytes, or its fault, or the number of bytes that are needed to go on. */
export type Found = { readonly header: ProxyHeader; readonly length: number } | string | number;

/** The first bytes of each version. Neither is the beginning of the other, of TLS or of an HTTP request. */
export const v1Signature: Buffer = Buffer.from("PROXY ");
export const v2Signature: Buffer = Buffer.from("\r\n\r\n\0\r\nQUIT\n");

/** Bytes of the longest line of version 1, its CRLF included. */
export const maxV1Length = 107;

/** Bytes of version 2 before its addresses. */
export const v2StartLength = 16;

/** Bytes of the longest header of version 2 that is read: less than the protocol allows, and as much as nginx reads. */
export const maxV2Length = 4096;

export const maxUniqueIdLength = 128;

/** Types of TLVs, and of those inside the SSL TLV. */
export const tlvTypes = { crc32c: 0x03, uniqueId: 0x05, ssl: 0x20 } as const;
export const textTypes = { alpn: 0x01, authority: 0x02, netns: 0x30 } as const;
export const sslTextTypes = {
  version: 0x21,
  cn: 0x22,
  cipher: 0x23,
  signatureAlgorithm: 0x24,
  keyAlgorithm: 0x25,
  group: 0x26,
  signatureScheme: 0x27,
} as const;

/** Bits of the SSL TLV's first byte. */
export const sslFlags = { client: 1, certificateOnConnection: 2, certificateInSession: 4 } as const;
