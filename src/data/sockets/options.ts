/** Most bytes that one read takes in, and about what a direction of a session holds at most. */
export const bufferBytes = 65_536;

/** Options of both of a session's sockets. */
export const tcpOptions = {
  allowHalfOpen: true,
  noDelay: true,
  // Finds peers that vanished without a word; the kernel probes on from here with its own intervals.
  keepAlive: true,
  keepAliveInitialDelay: 15_000,
  // One more than a read, so that a full read that went out at once does not count as a full buffer.
  highWaterMark: bufferBytes + 1,
} as const;

/** Pending connections that the kernel may hold for one listening socket; net.core.somaxconn is usually the same. */
export const acceptBacklog = 4096;
