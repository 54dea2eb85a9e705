import { ConnectionError, errorCode, firstWindow, most31 } from "./protocol.ts";

/** RFC 9113 section 6.5.2, RFC 8441 section 3, RFC 9218 section 2.1. */
export const setting = {
  headerTable: 0x1,
  enablePush: 0x2,
  maxStreams: 0x3,
  initialWindow: 0x4,
  maxFrame: 0x5,
  maxHeaderList: 0x6,
  enableConnect: 0x8,
  noPriorities: 0x9,
} as const;

/** The peer's settings, with the values that hold until it has sent them (RFC 9113 section 6.5.2). */
export class PeerSettings {
  headerTable = 4096;
  maxStreams: number = Number.POSITIVE_INFINITY;
  initialWindow = firstWindow;
  maxFrame = 16_384;
  maxHeaderList: number = Number.POSITIVE_INFINITY;
  enableConnect = false;

  /**
   * @param fromServer whether the peer is one: it may not offer to take pushes.
   * @throws ConnectionError: a value is out of its range.
   */
  take(id: number, value: number, fromServer: boolean): void {
    switch (id) {
      case setting.headerTable:
        this.headerTable = value;
        break;
      case setting.enablePush:
        check(value === 0 || (value === 1 && !fromServer), errorCode.protocol, "ENABLE_PUSH", value);
        break;
      case setting.maxStreams:
        this.maxStreams = value;
        break;
      case setting.initialWindow:
        check(value <= most31, errorCode.flowControl, "INITIAL_WINDOW_SIZE", value);
        this.initialWindow = value;
        break;
      case setting.maxFrame:
        check(value >= 16_384 && value <= 0xffffff, errorCode.protocol, "MAX_FRAME_SIZE", value);
        this.maxFrame = value;
        break;
      case setting.maxHeaderList:
        this.maxHeaderList = value;
        break;
      case setting.enableConnect:
        check(
          value === 1 || (value === 0 && !this.enableConnect),
          errorCode.protocol,
          "ENABLE_CONNECT_PROTOCOL",
          value,
        );
        this.enableConnect = value === 1;
    }
  }
}

function check(good: boolean, code: number, name: string, value: number): void {
  if (!good) throw new ConnectionError(code, `SETTINGS with ${name} ${value}`);
}
