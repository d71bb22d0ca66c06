/** Why there is no manifest, or no answer: one sentence, and the status of the process. */
export class ManifestFailure extends Error {
  override readonly name = 'ManifestFailure'
  /** 1: the code and what it declares differ. 2: the question could not be asked. */
  readonly exitCode: 1 | 2

  constructor(exitCode: 1 | 2, sentence: string) {
    super(sentence)
    this.exitCode = exitCode
  }
}
