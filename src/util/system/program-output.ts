import { execFile } from 'node:child_process';

/** A program failed: with the last line of its output, or of the system's. */
export class ProgramFailed extends Error {
  override name = 'ProgramFailed';
  /** True where the system does not find it. */
  readonly isMissing: boolean;

  constructor(message: string, isMissing = false) {
    super(message);
    this.isMissing = isMissing;
  }
}

/**
 * The text that a program prints. One that is stuck in the system, or whose children keep its output open, may never end, whatever
 * signal it gets: after the time nobody waits for it.
 * @throws ProgramFailed when it fails, is not there, or does not end in time
 */
export function programOutput(program: string, args: readonly string[], timeoutMs: number): Promise<string> {
  return new Promise((done, fail) => {
    const child = execFile(program, args, { encoding: 'utf8' }, (error, stdout, stderr) => {
      clearTimeout(timer);
      if (error === null) return done(stdout);
      const words = `${stdout}\n${stderr}`.trim().split('\n').at(-1) || (error.message.split('\n')[0] as string);
      fail(new ProgramFailed(words, error.code === 'ENOENT'));
    });
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      child.unref();
      // First: the end of the streams would tell less.
      fail(new ProgramFailed(`no answer within ${timeoutMs / 1000} s`));
      for (const stream of [child.stdin, child.stdout, child.stderr]) stream?.destroy();
    }, timeoutMs);
  });
}
