import { userInfo } from "node:os";

/** Why a file can't be read and what to do, as the end of a sentence that names the file. */
export function describeReadError(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  switch (code) {
    case "ENOENT":
    case "ENOTDIR":
      return "does not exist; check the path";
    case "EACCES":
    case "EPERM":
      return `may not be read by the user ${currentUser()}; give that user read permission on it and on its folders`;
    case "EISDIR":
      return "is a folder; name a file in it";
    default:
      return `can't be read: ${message}`;
  }
}

/** A user without an entry in the password file, as in many containers, has only a number. */
function currentUser(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.());
  }
}
