/** A file that is of no use; the message is the end of a sentence that begins with the file. */
export class UnusableFile extends Error {
  override readonly name = "UnusableFile";
  /** A pipe could be read in another way. */
  readonly isPipe: boolean;

  constructor(message: string, isPipe = false) {
    super(message);
    this.isPipe = isPipe;
  }
}
