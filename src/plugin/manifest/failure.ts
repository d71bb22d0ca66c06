/** Why there is no manifest or comparison: one sentence, and the exit status. */
export class ManifestFailure extends Error {
  override readonly name = 'ManifestFailure'
  /** 1: guards and declarations differ. 2: the comparison was not possible. */
  readonly exitCode: 1 | 2

  constructor(exitCode: 1 | 2, sentence: string) {
    super(sentence)
    this.exitCode = exitCode
  }
}
